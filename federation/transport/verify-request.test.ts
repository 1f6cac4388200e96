import { sign } from 'node:crypto';
import t from 'tap';
import type { Json } from '../events/room-event.ts';
import { encodeBase64 } from '../json/unpadded-base64.ts';
import { signRequest } from '../requests/x-matrix.ts';
import { startKeyNetwork, testKey } from './testing/start-key-network.ts';
import { type InboundRequest, verifyRequest } from './verify-request.ts';

const start = 1_700_000_000_000;
const day = 86_400_000;
const key = testKey('a');
const uri = '/_matrix/federation/v1/send/1?x=%2F';

type Signed = { origin?: string; destination?: string; key?: typeof key; content?: Json };

/** A request as it arrives, signed by one.test for us.test unless told otherwise. */
const signed = (how: Signed = {}): InboundRequest => {
  const body = how.content === undefined ? {} : { content: how.content };
  const { origin = 'one.test', destination = 'us.test' } = how;
  const header = signRequest({ method: 'PUT', uri, origin, destination, ...body }, how.key ?? key);
  return { method: 'PUT', uri, authorization: [header], ...body };
};

t.test('inbound requests are judged by their X-Matrix headers', async (t) => {
  const net = await startKeyNetwork(t, start);
  const oldKeys = { 'ed25519:b': { key: testKey('b').publicKey, expiredTs: start - 1 } };
  net.serve('one.test', net.document('one.test', key, oldKeys));
  const verifier = { serverName: 'us.test', keyRing: net.makeRing(), now: () => net.clock.now };
  const judge = (request: InboundRequest) => verifyRequest(request, verifier);
  const isRefused = async (request: InboundRequest, rule: string, name: string) =>
    t.match(await judge(request), { allowed: false, rule }, name);
  const accepted = { allowed: true, origin: 'one.test' };
  const content = { pdus: [], edus: [{ n: 1 }] };
  const good = signed({ content });
  const header = good.authorization[0] ?? '';

  t.strictSame(await judge(good), accepted);
  t.strictSame(await judge(signed()), accepted, 'without a body');
  t.strictSame(await judge(signed({ content: {} })), accepted, 'with an empty body');
  const legacy = header.replace(',destination="us.test"', '');
  t.not(legacy, header);
  t.strictSame(await judge({ ...good, authorization: [legacy] }), accepted, 'no destination given');

  await isRefused({ ...good, authorization: [] }, 'headers', 'no header');
  await isRefused({ ...good, authorization: ['Bearer abc'] }, 'headers', 'another scheme');
  await isRefused({ ...good, authorization: ['X-Matrix origin='] }, 'headers', 'a broken header');
  await isRefused({ ...good, authorization: Array(9).fill(header) }, 'headers', 'too many headers');
  await isRefused(signed({ destination: 'two.test' }), 'destination', 'meant for another server');
  await isRefused(signed({ origin: 'us.test' }), 'origin', 'in our own name');
  await isRefused(signed({ origin: 'one.test:99999' }), 'origin', 'no possible name');
  await isRefused({ ...good, method: 'POST' }, 'signature', 'another method');
  await isRefused({ ...good, uri: `${uri}&y=1` }, 'signature', 'another target');
  await isRefused({ ...good, content: { pdus: [] } }, 'signature', 'another body');
  await isRefused({ ...good, content: { n: 1.5 } }, 'content', 'a body without canonical form');
  const asSent = (contentText: string, sentText = contentText): InboundRequest => {
    const rest = `"destination":"us.test","method":"PUT","origin":"one.test","uri":"${uri}"}`;
    const bytes = Buffer.from(`{"content":${contentText},${rest}`);
    const sig = encodeBase64(sign(null, bytes, key.privateKey));
    const authorization = [header.replace(/sig="[^"]*"/, `sig="${sig}"`)];
    return { ...good, content: JSON.parse(sentText), contentText: sentText, authorization };
  };
  t.strictSame(await judge(asSent('{"n":1e-07}')), accepted, 'signed in the form it is sent in');
  await isRefused(asSent('{"n":1e-07}', '{"n":1e-7}'), 'signature', 'and in no other form');
  await isRefused(
    asSent('{"b":1,"a":2}'),
    'signature',
    'but never where there is a canonical form',
  );
  await isRefused(signed({ key: testKey('zz') }), 'signature', 'a key id nobody knows');
  await isRefused(
    signed({ key: { ...testKey('b'), keyId: key.keyId } }),
    'signature',
    'another key',
  );
  await isRefused(signed({ key: testKey('b') }), 'signature', 'a key that has expired');
  await isRefused(signed({ origin: 'two.test' }), 'signature', 'an origin that serves no keys');
  const broken = { ...good, authorization: [header.replace(/sig="[^"]*"/, 'sig="AAAA"')] };
  await isRefused(broken, 'signature', 'a malformed signature');
});

t.test('a request replayed to another server fails there', async (t) => {
  const net = await startKeyNetwork(t, start);
  net.serve('one.test', net.document('one.test', key));
  const keyRing = net.makeRing({ serverName: 'two.test' });
  const elsewhere = { serverName: 'two.test', keyRing, now: () => net.clock.now };
  const request = signed();
  t.match(await verifyRequest(request, elsewhere), { rule: 'destination' });
  const authorization = request.authorization.map((header) =>
    header.replace(',destination="us.test"', ''),
  );
  t.match(await verifyRequest({ ...request, authorization }, elsewhere), { rule: 'signature' });
  t.match(
    await verifyRequest(
      {
        ...request,
        authorization: request.authorization.map((h) => h.replace('us.test', 'two.test')),
      },
      elsewhere,
    ),
    { rule: 'signature' },
  );
});

t.test(
  'of several headers one good signature is enough, but all must name one origin',
  async (t) => {
    const net = await startKeyNetwork(t, start);
    net.serve('one.test', net.document('one.test', key));
    net.serve('two.test', net.document('two.test', key));
    const verifier = { serverName: 'us.test', keyRing: net.makeRing(), now: () => net.clock.now };
    const [good] = signed().authorization;
    const [unknown] = signed({ key: testKey('zz') }).authorization;
    const [other] = signed({ origin: 'two.test' }).authorization;
    const judge = (...headers: (string | undefined)[]) =>
      verifyRequest({ ...signed(), authorization: headers.map(String) }, verifier);
    t.match(await judge(unknown, good), { allowed: true });
    t.match(await judge(good, other), { allowed: false, rule: 'origin' });
  },
);

t.test('a key that has run out is fetched again, and refused when it stays so', async (t) => {
  const net = await startKeyNetwork(t, start);
  net.serve('one.test', net.document('one.test', key, {}, day));
  const verifier = { serverName: 'us.test', keyRing: net.makeRing(), now: () => net.clock.now };
  t.match(await verifyRequest(signed(), verifier), { allowed: true });
  net.clock.now += 2 * day;
  t.match(await verifyRequest(signed(), verifier), { rule: 'signature', reason: 'no valid key' });
  net.serve('one.test', net.document('one.test', key, {}, day));
  net.clock.now += 60_000;
  t.match(await verifyRequest(signed(), verifier), { allowed: true });
});

t.test('servers outside the lists are refused without asking for their keys', async (t) => {
  const net = await startKeyNetwork(t, start);
  net.serve('one.test', net.document('one.test', key));
  const keyRing = net.makeRing();
  const verifier = { serverName: 'us.test', keyRing, now: () => start, isAllowed: () => false };
  t.match(await verifyRequest(signed(), verifier), { allowed: false, rule: 'allow list' });
  t.equal(net.peer.seen.length, 0);
});
