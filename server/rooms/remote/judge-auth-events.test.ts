import {
  authTypesFor,
  buildEvent,
  type EventTemplate,
  type RoomEvent,
  roomVersionRules,
  type StateKey,
  signingKeyFromSeed,
  stateKeyOf,
} from '@candor/federation';
import fc from 'fast-check';
import t from 'tap';
import { type JudgedEvent, judgeByAuthEvents, orderByAuthEvents } from './judge-auth-events.ts';

const sender = '@alice:there.example';
const key = signingKeyFromSeed('there', Buffer.alloc(32, 9));
const state = (type: string, stateKey: string, content: EventTemplate['content']) => ({
  type,
  stateKey,
  sender,
  content,
});

/** The beginning of a room of another server, each event after those it cites. */
const roomOf = (version: string) => {
  const rules = roomVersionRules(version);
  if (!rules) throw new Error(`no room version ${version}`);
  const users: Record<string, number> = rules.creatorsInfinite ? {} : { [sender]: 100 };
  const templates = [
    state('m.room.create', '', { room_version: version, creator: sender }),
    state('m.room.member', sender, { membership: 'join' }),
    state('m.room.power_levels', '', { users }),
    state('m.room.join_rules', '', { join_rule: 'public' }),
    state('m.room.topic', '', { topic: 'hats' }),
  ];
  const events: RoomEvent[] = [];
  const held = new Map<StateKey, string>();
  for (const template of templates) {
    const [create] = events;
    const id = rules.roomIdIsCreateHash ? `!${create?.eventId.slice(1)}` : '!room:there.example';
    const authEvents = authTypesFor(template, rules).flatMap((type) => held.get(type) ?? []);
    const place = { roomId: id, prevEvents: [], authEvents, depth: events.length + 1 };
    const last = events.at(-1);
    const event = buildEvent(
      template,
      { ...place, prevEvents: last ? [last.eventId] : [] },
      rules,
      { serverName: 'there.example', key, originServerTs: events.length },
    );
    events.push(event);
    held.set(stateKeyOf(template.type, template.stateKey), event.eventId);
  }
  return { rules, events };
};

for (const version of ['10', '11', '12']) {
  t.test(`the events of a room of version ${version} are judged alike in any order`, async (t) => {
    const { rules, events } = roomOf(version);
    const shuffled = fc.shuffledSubarray(events, { minLength: events.length });
    fc.assert(
      fc.property(shuffled, (told) => {
        const judged = new Map<string, JudgedEvent>();
        for (const event of orderByAuthEvents(told)) {
          const rejectedFor = judgeByAuthEvents(event, (id) => judged.get(id), rules);
          judged.set(event.eventId, { event, rejectedFor });
        }
        const verdicts = [...judged.values()].map(({ rejectedFor }) => rejectedFor);
        t.same(verdicts, Array(events.length).fill(null));
      }),
      { numRuns: 30 },
    );
  });
}
