import { randomBytes } from 'node:crypto';
import {
  isObject,
  type JsonObject,
  type Pdu,
  redact,
  signingKeyFromSeed,
  signJson,
} from '@candor/federation';
import t from 'tap';
import { asPerson } from '../interop/person.ts';
import { errorOf, joinAsPeer, type MadeEvent } from './peer-in-room.ts';
import { startScene } from './start-scene.ts';

t.setTimeout(300_000);

const { homeserver, peer } = await startScene(t);
const alice = asPerson(await homeserver.register('alice'));

t.test('a room with a policy server shows and sends what it signs', async (t) => {
  const made = await alice.call('POST', '/v3/createRoom', {
    preset: 'public_chat',
    room_version: '12',
  });
  const roomId = String(made['room_id']);
  const mallory = await joinAsPeer(peer, homeserver, roomId, 'policy');
  const key = signingKeyFromSeed('policy_server', randomBytes(32));
  const sign = (pdu: Pdu): JsonObject => {
    const redacted = { ...redact(pdu, mallory.rules), signatures: {} };
    return signJson(redacted, peer.serverName, key)['signatures'] as JsonObject;
  };
  const asked: string[] = [];
  peer.answer(({ path, body }) => {
    if (path.at(-1) !== 'sign' || !isObject(body)) return undefined;
    const text = JSON.stringify(body['content']);
    asked.push(text);
    if (text.includes('spam'))
      return { status: 400, body: { errcode: 'M_FORBIDDEN', error: 'spam' } };
    if (text.includes('wrong')) return { body: { [peer.serverName]: { [key.keyId]: 'AAAA' } } };
    return { body: sign(body as Pdu) };
  });
  await alice.setState(roomId, 'm.room.policy', {
    via: peer.serverName,
    public_keys: { ed25519: key.publicKey },
  });
  t.strictSame(asked, [], 'the policy itself needs no signature');

  const good = await alice.send(roomId, 'hello');
  t.ok((await alice.timeline(roomId)).some((event) => event.event_id === good));
  t.match(asked.at(-1), /hello/);
  await t.rejects(alice.send(roomId, 'spam'), /403 .*M_FORBIDDEN/);
  await t.rejects(alice.send(roomId, 'wrong'), /502/);

  const isShown = async ({ eventId }: MadeEvent) =>
    (await alice.timeline(roomId, 100)).some((event) => event.event_id === eventId);
  const unsigned = mallory.make({ content: { body: 'let through when asked' } });
  t.equal(errorOf(await mallory.send([unsigned]), unsigned), '');
  t.match(asked.at(-1), /let through/, 'the server asks for a missing signature');
  t.ok(await isShown(unsigned));

  const before = asked.length;
  const own = mallory.make({ content: { body: 'spam, but signed before' } });
  const signatures = own.pdu['signatures'] as { readonly [server: string]: JsonObject };
  const theirs = sign(own.pdu)[peer.serverName] as JsonObject;
  const both = { [peer.serverName]: { ...signatures[peer.serverName], ...theirs } };
  const signed = { ...own, pdu: { ...own.pdu, signatures: { ...signatures, ...both } } };
  t.equal(errorOf(await mallory.send([signed]), own), '');
  t.ok(await isShown(own));
  t.equal(asked.length, before, 'a good signature is enough');

  const spam = mallory.make({ content: { body: 'more spam' } });
  t.equal(errorOf(await mallory.send([spam]), spam), '', 'soft failure is not told');
  t.notOk(await isShown(spam));
});
