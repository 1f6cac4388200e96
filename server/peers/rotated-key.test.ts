import t from 'tap';
import { rotateSigningKey } from '../config/signing-key.ts';
import { arrives, person } from '../testing/federated-rooms.ts';
import { startTestNetwork } from '../testing/start-network.ts';

t.setTimeout(300_000);

t.test(
  'conversations go on under a new signing key, and what the old one signed stays good',
  async (t) => {
    const [a, b, c] = await startTestNetwork(t, 3);
    const alice = await person(a, 'alice');
    const bob = await person(b, 'bob');
    const room = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(room, a);
    const before = await alice.say(room, 'under the old key');
    await arrives(b, before);
    const { from, to } = await rotateSigningKey(a.dataDir, Date.now());
    await a.restart();
    // It asked for keys just now, and would wait half a minute before it asks again.
    await b.restart();

    const { body } = await a.request('GET', '/_matrix/key/v2/server');
    t.strictSame(Object.keys(body.verify_keys), [to.keyId]);
    t.match(body.old_verify_keys, { [from.keyId]: { key: from.publicKey, expired_ts: Number } });
    const after = await alice.say(room, 'under the new key');
    await arrives(b, after);
    const answer = await bob.say(room, 'and back');
    await arrives(a, answer);

    // It has never heard of the old key, and has to believe what that signed.
    const carol = await person(c, 'carol');
    await carol.join(room, a);
    const { chunk } = await carol.insist(
      'GET',
      `/rooms/${encodeURIComponent(room)}/messages?dir=b&limit=50`,
    );
    const seen = chunk.map(({ event_id }: { event_id: string }) => event_id);
    for (const eventId of [before, after, answer]) t.ok(seen.includes(eventId), eventId);
  },
);
