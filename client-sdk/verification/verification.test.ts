import fc from 'fast-check';
import t from 'tap';
import { testWorld } from '../testing/world.ts';
import { safetyNumber } from './safety-number.ts';
import { trust } from './trust.ts';

const unknown = {
  userId: '@u:a',
  tracked: true,
  outdated: false,
  generation: 0,
  queryAfter: 0,
  queriedAt: null,
  trust: 'unknown',
  firstSeenMasterKey: null,
  masterKey: null,
  selfSigningKey: null,
  offeredMasterKey: null,
  offeredSelfSigningKey: null,
} as const;

t.test('both sides see the same sixty digits and scan each other', async (t) => {
  const { phone, room } = testWorld();
  const [alice, bob, carol] = [phone('alice'), phone('bob'), phone('carol')];
  await Promise.all([alice, bob, carol].map((phone) => phone.setUp()));
  const talk = room(true, alice, bob, carol);
  await alice.say(talk, 'hello');
  await bob.say(talk, 'hello');
  await carol.say(talk, 'hello');
  const ofAlice = alice.engine.safetyNumber(bob.userId);
  const ofBob = bob.engine.safetyNumber(alice.userId);
  const ofCarol = carol.engine.safetyNumber(alice.userId);
  t.match(ofAlice?.digits, /^\d{60}$/);
  t.equal(ofAlice?.digits, ofBob?.digits);
  t.not(ofAlice?.digits, ofCarol?.digits);
  t.ok(ofAlice?.matches(ofBob?.scannable ?? new Uint8Array()));
  t.ok(ofBob?.matches(ofAlice?.scannable ?? new Uint8Array()));
  t.notOk(ofAlice?.matches(ofCarol?.scannable ?? new Uint8Array()));
  t.notOk(ofAlice?.matches(new Uint8Array([1, 2, 3])));
  t.equal(alice.engine.safetyNumber('@nobody:x'), undefined);
});

t.test('the safety number does not change between versions', async (t) => {
  // RFC 8032, test vectors 1 and 2: public keys.
  const one = '11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo';
  const two = 'PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw';
  const alice = { userId: '@alice:hs1', masterKey: one };
  const bob = { userId: '@bob:hs2', masterKey: two };
  const number = safetyNumber(alice, bob);
  // Computed with another program from the published algorithm.
  t.equal(number.digits, '025080024188035452910582107114610315165346552425998812659889');
  t.not(safetyNumber({ ...alice, userId: '@alice:hs3' }, bob).digits, number.digits);
  t.throws(() => safetyNumber({ ...alice, masterKey: 'short' }, bob));
});

t.test('the first key is pinned, another blocks, and only the person can accept it', async (t) => {
  const pinned = trust.see(unknown, 'M1', 'S1');
  t.match(pinned, { trust: 'pinned', masterKey: 'M1', firstSeenMasterKey: 'M1' });
  t.same(trust.see(pinned, undefined, undefined), pinned, 'a key left out changes nothing');
  t.match(trust.see(pinned, 'M1', 'S2'), { trust: 'pinned', selfSigningKey: 'S2' });
  const verified = trust.accept(pinned, 'verified');
  t.equal(verified.trust, 'verified');
  t.equal(trust.accept(unknown, 'verified').trust, 'unknown');
  for (const before of [
    pinned,
    verified,
    trust.accept(trust.see(pinned, 'M0', 'S0'), 'acknowledged'),
  ]) {
    const changed = trust.see(before, 'M2', 'S2');
    t.ok(trust.blocksSending(changed));
    t.match(changed, { masterKey: before.masterKey, selfSigningKey: before.selfSigningKey });
    t.ok(
      trust.blocksSending(trust.see(changed, before.masterKey ?? '', 'S1')),
      'also when it goes back',
    );
    const accepted = trust.accept(changed, 'acknowledged');
    t.match(accepted, { trust: 'acknowledged', masterKey: 'M2', selfSigningKey: 'S2' });
    t.match(accepted, { firstSeenMasterKey: 'M1', offeredMasterKey: null });
  }
});

t.test('no sequence of answers from a server replaces a pinned key', async () => {
  const keys = fc.option(fc.constantFrom('M1', 'M2', 'M3'), { nil: undefined });
  fc.assert(
    fc.property(fc.array(keys), (seen) => {
      let user: Parameters<typeof trust.see>[0] = unknown;
      for (const key of seen) user = trust.see(user, key, key && `S of ${key}`);
      const shown = seen.filter((key) => key !== undefined);
      const changed = shown.some((key) => key !== shown[0]);
      return user.masterKey === (shown[0] ?? null) && trust.blocksSending(user) === changed;
    }),
  );
});
