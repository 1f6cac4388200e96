import {
  authDifference,
  buildEvent,
  type JsonObject,
  type RoomEvent,
  type RoomVersionRules,
  resolveState,
  roomVersionRules,
  signingKeyFromSeed,
  stateKeyOf,
} from '@candor/federation';
import t from 'tap';
import { testRooms } from '../testing/room-context.ts';
import { commitSteps } from './commit-steps.ts';
import { keepOutliers } from './remote/keep-outliers.ts';
import { noState, stateOfEvents } from './remote/state-of-events.ts';
import { type Resolution, ResolutionThread } from './resolution-thread.ts';
import { resolveStateSets } from './resolve-state-sets.ts';
import { ResolvedStates } from './resolved-states.ts';

const key = signingKeyFromSeed('test', Buffer.alloc(32, 7));
const creator = '@creator:here.example';

/** A room whose members have one name on one side of a fork and another on the other. */
const makeFork = (rules: RoomVersionRules, members: number) => {
  let originServerTs = 1_700_000_000_000;
  const make = (
    sender: string,
    [type, stateKey]: readonly [string, string],
    content: JsonObject,
    cited: readonly RoomEvent[],
    roomId = '!fork:here.example',
  ): RoomEvent => {
    originServerTs += 1;
    const authEvents = cited
      .filter((event) => !rules.roomIdIsCreateHash || event.type !== 'm.room.create')
      .map((event) => event.eventId);
    const place = { roomId, prevEvents: cited.map((event) => event.eventId), authEvents, depth: 1 };
    const signer = { serverName: 'here.example', key, originServerTs };
    return buildEvent({ type, stateKey, sender, content }, place, rules, signer);
  };
  const room = { room_version: rules.version, creator };
  const create = make(creator, ['m.room.create', ''], room, []);
  const { roomId } = create;
  const joins = { membership: 'join' };
  const join = make(creator, ['m.room.member', creator], joins, [create], roomId);
  const open = { join_rule: 'public' };
  const rule = make(creator, ['m.room.join_rules', ''], open, [create, join], roomId);
  const names = (side: string, before?: readonly RoomEvent[]) =>
    Array.from({ length: members }, (_, at) => {
      const user = `@user${at}:there.example`;
      const own = before?.[at];
      const content = { ...joins, displayname: `${side} ${at}` };
      const cited = [create, rule, ...(own ? [own] : [])];
      return make(user, ['m.room.member', user], content, cited, roomId);
    });
  const early = names('early');
  const late = names('late', early);
  const agreed = [create, join, rule];
  return {
    roomId,
    create,
    late,
    sides: [
      [...agreed, ...early],
      [...agreed, ...late],
    ],
  };
};

const resolutionOf = (rules: RoomVersionRules, members: number): Resolution => {
  const { roomId, sides } = makeFork(rules, members);
  const events = new Map(sides.flat().map((event) => [event.eventId, event]));
  const sets = sides.map(
    (side) =>
      new Map(side.map((event) => [stateKeyOf(event.type, event.stateKey ?? ''), event.eventId])),
  );
  const difference = authDifference(sets, (eventId) => events.get(eventId)?.authEvents);
  const { version } = rules;
  return { version, roomId, sets, events, rejected: [], authDifference: difference };
};

const rulesOf = (version: string): RoomVersionRules => {
  const rules = roomVersionRules(version);
  if (!rules) throw new Error(`no rules of ${version}`);
  return rules;
};

for (const version of ['10', '12']) {
  t.test(`a thread resolves a fork of version ${version} as it is resolved here`, async (t) => {
    const rules = rulesOf(version);
    const thread = new ResolutionThread();
    t.teardown(() => thread.close());
    const resolution = resolutionOf(rules, 40);
    const [rejected = ''] = [...resolution.authDifference];
    for (const one of [resolution, { ...resolution, rejected: [rejected] }]) {
      const { sets, events, authDifference } = one;
      const isRejected = (eventId: string) => one.rejected.includes(eventId);
      const here = resolveState(sets, events, rules, { isRejected, authDifference });
      t.equal(here.size, 43);
      t.same([...(await thread.resolve(one))].sort(), [...here].sort());
    }
  });
}

t.test('a resolution that fails, or loses its thread, costs no other', async (t) => {
  const thread = new ResolutionThread();
  t.teardown(() => thread.close());
  const resolution = resolutionOf(rulesOf('11'), 5);
  const incomplete = thread.resolve({ ...resolution, events: new Map() });
  const next = thread.resolve(resolution);
  await t.rejects(incomplete, /needs the event/);
  t.equal((await next).size, 8);
  const lost = thread.resolve(resolution);
  const after = thread.resolve(resolution);
  await Promise.all([t.rejects(lost, /ended/), thread.close()]);
  t.equal((await after).size, 8);
});

t.test(
  'the same resolution is made once for all who ask meanwhile, a failed one not kept',
  async (t) => {
    const states = new ResolvedStates();
    let made = 0;
    const make = async () => {
      made += 1;
      return noState;
    };
    const [one, other] = await Promise.all([states.of('a', make), states.of('a', make)]);
    t.equal(one, other);
    t.equal(await states.of('a', make), one);
    t.equal(made, 1);
    await t.rejects(
      states.of('b', async () => {
        throw new Error('lost');
      }),
    );
    t.equal(await states.of('b', make), noState);
  },
);

t.test('a room with a large fork comes to the newer names', async (t) => {
  const context = await testRooms(t);
  const { rooms } = context;
  t.teardown(() => rooms.resolutionThread.close());
  const rules = rulesOf('11');
  const { roomId, create, late, sides } = makeFork(rules, 300);
  const room = await rooms.create(roomId, rules);
  await commitSteps(context, room, [], { isNewRoom: true });
  const all = [...new Set(sides.flat())];
  const judged = all.map((event) => ({ event, rejectedFor: null }));
  await commitSteps(context, room, [await keepOutliers(context, room, judged)]);
  room.setState(stateKeyOf('m.room.create', ''), undefined, create);
  const stored = await rooms.events.load(all.map((event) => event.eventId));
  const sets = await Promise.all(
    sides.map((side) =>
      stateOfEvents(
        context,
        side.flatMap((event) => stored.get(event.eventId) ?? []),
      ),
    ),
  );
  const { entries } = await resolveStateSets(context, room, sets);
  const nids = new Set(entries.values());
  t.equal(entries.size, 303);
  t.ok(late.every(({ eventId }) => nids.has(stored.get(eventId)?.eventNid ?? 0)));
});

t.test('a resolution that comes while the thread ends begins another', async (t) => {
  const rules = roomVersionRules('11');
  if (!rules) throw new Error('room version 11');
  const thread = new ResolutionThread();
  t.teardown(() => thread.close());
  const resolution = resolutionOf(rules, 3);
  const before = await thread.resolve(resolution);
  const ended = thread.close();
  t.same(await thread.resolve(resolution), before);
  await ended;
});
