import type { RequestListener } from 'node:http';
import { limits } from '@candor/spec';
import t from 'tap';
import type { JsonObject } from '../events/room-event.ts';
import { isObject } from '../json/is-object.ts';
import { signJson } from '../json/sign-json.ts';
import { answerKeyQuery, ownKeyDocument } from './key-answers.ts';
import { readKeyDocument } from './key-documents.ts';
import type { KeyRing } from './key-ring.ts';
import { startKeyNetwork, testKey } from './testing/start-key-network.ts';
import { readBody } from './testing/start-tls-peer.ts';

const day = 86_400_000;
const start = 1_700_000_000_000;
const [first, second, notaryKey] = [testKey('a'), testKey('b'), testKey('n')];

/** Whether the ring has the key for this time. */
const has = async (ring: KeyRing, serverName: string, keyId: string, minimumValidUntil = 0) => {
  const request = { serverName, keyId, minimumValidUntil };
  return (await ring.keysFor([request])).has(request);
};

t.test(
  'a key comes from its server once, then from memory, after a restart from the store',
  async (t) => {
    const net = await startKeyNetwork(t, start);
    net.serve('one.test', net.document('one.test', first));
    const ring = net.makeRing();
    const request = { serverName: 'one.test', keyId: 'ed25519:a', minimumValidUntil: start };
    const again = { ...request };
    const keys = await ring.keysFor([request, again, { ...request, keyId: 'ed25519:zz' }]);
    t.equal(keys.size, 2);
    t.equal(keys.get(request), keys.get(again), 'one imported key');
    t.match(net.peer.seen, [{ url: '/_matrix/key/v2/server', host: 'one.test' }]);
    t.ok(await has(ring, 'one.test', 'ed25519:a'));
    t.ok(await has(net.makeRing(), 'one.test', 'ed25519:a'));
    t.equal(net.asked('one.test'), 1);
  },
);

t.test('only documents that their server signed are taken', async (t) => {
  const net = await startKeyNetwork(t, start);
  const good = net.document('one.test', first);
  t.ok(readKeyDocument(good, 'one.test', start).valid);
  const { signatures: _, ...unsigned } = good;
  const listed = { 'ed25519:a': { key: first.publicKey }, 'ed25519:b': { key: second.publicKey } };
  const both = signJson({ ...unsigned, verify_keys: listed }, 'one.test', first);
  const wrong = {
    'one.test': {
      ...((both['signatures'] as JsonObject)['one.test'] as JsonObject),
      'ed25519:b': 'AAAA',
    },
  };
  t.ok(readKeyDocument(both, 'one.test', start).valid, 'one signature is enough');
  const bad: Record<string, unknown> = {
    'no object': [],
    nothing: null,
    'another server': net.document('two.test', first),
    'no signature': unsigned,
    'changed after signing': { ...good, valid_until_ts: start + 1 },
    'signed by a key it does not list': signJson(
      { ...unsigned, verify_keys: {} },
      'one.test',
      first,
    ),
    'one wrong signature': { ...both, signatures: wrong },
    'signed in another name': {
      ...unsigned,
      signatures: signJson(unsigned, 'two.test', first)['signatures'],
    },
    'signatures of the wrong kind': { ...unsigned, signatures: { 'one.test': ['x'] } },
    'a short key': signJson(
      { ...unsigned, verify_keys: { 'ed25519:a': { key: 'AAAA' } } },
      'one.test',
      first,
    ),
    'an odd key id': signJson(
      { ...unsigned, verify_keys: { 'ed25519:a-b': { key: first.publicKey } } },
      'one.test',
      first,
    ),
    'no time': signJson({ ...unsigned, valid_until_ts: null }, 'one.test', first),
    'a number that is no integer': { ...good, x: 1.5 },
  };
  for (const [name, document] of Object.entries(bad)) {
    t.notOk(readKeyDocument(document, 'one.test', start).valid, name);
  }
  const served = ['another server', 'no signature', 'a number that is no integer'];
  for (const name of served) {
    net.serve('one.test', bad[name] as object);
    t.notOk(await has(net.makeRing(), 'one.test', 'ed25519:a'), name);
  }
});

t.test('keys count as long as their document says, and a week at most', async (t) => {
  const net = await startKeyNetwork(t, start);
  const key = 'ed25519:a';
  net.serve('one.test', net.document('one.test', first, {}, day));
  net.serve('two.test', net.document('two.test', first, {}, 1_000 * day));
  const ring = net.makeRing();
  t.ok(await has(ring, 'one.test', key, start + day));
  t.notOk(await has(ring, 'one.test', key, start + day + 1));
  t.ok(await has(ring, 'two.test', key, start + 7 * day));
  t.notOk(await has(ring, 'two.test', key, start + 7 * day + 1));
  t.ok(await has(ring, 'one.test', key, 0), 'room versions up to 4 ask for no time');

  net.clock.now += 2 * day;
  net.serve('one.test', net.document('one.test', first, {}, day));
  t.ok(await has(ring, 'one.test', key, net.clock.now), 'fetched again when it has run out');
  t.equal(net.asked('one.test'), 2);
});

t.test('old keys count for what they signed, never beyond the day they were listed', async (t) => {
  const net = await startKeyNetwork(t, start);
  const oldKeys = {
    'ed25519:b': { key: second.publicKey, expiredTs: start - 5_000 },
    'ed25519:n': { key: notaryKey.publicKey, expiredTs: start + 100 * day },
  };
  net.serve('one.test', net.document('one.test', first, oldKeys));
  const ring = net.makeRing();
  t.ok(await has(ring, 'one.test', 'ed25519:b', start - 5_000));
  t.notOk(await has(ring, 'one.test', 'ed25519:b', start - 4_999));
  t.ok(await has(ring, 'one.test', 'ed25519:n', start));
  t.notOk(await has(ring, 'one.test', 'ed25519:n', start + 1));
});

t.test('a key that its server no longer lists stays for the events it signed', async (t) => {
  const net = await startKeyNetwork(t, start);
  net.serve('one.test', net.document('one.test', first));
  const ring = net.makeRing();
  t.ok(await has(ring, 'one.test', 'ed25519:a', start));
  net.serve('one.test', net.document('one.test', second));
  net.clock.now += day;
  t.ok(await has(ring, 'one.test', 'ed25519:b', net.clock.now));
  t.ok(await has(ring, 'one.test', 'ed25519:a', start + day));
  t.notOk(await has(ring, 'one.test', 'ed25519:a', start + day + 1));
});

/** A notary that signs what it has, as `key`. */
const notary =
  (
    documents: () => readonly JsonObject[],
    key = notaryKey,
    name = 'notary.test',
  ): RequestListener =>
  async (request, response) => {
    if (request.url !== '/_matrix/key/v2/query') {
      const own = { serverName: name, signingKey: key, oldKeys: {}, validUntilTs: start + 5 * day };
      response.end(JSON.stringify(ownKeyDocument(own)));
      return;
    }
    const query: unknown = JSON.parse(await readBody(request));
    const wanted = isObject(query) && isObject(query['server_keys']) ? query['server_keys'] : {};
    const known = documents().filter((document) => String(document['server_name']) in wanted);
    response.end(JSON.stringify(answerKeyQuery(known, name, key)));
  };

t.test('a notary stands in for servers that do not answer, all in one query', async (t) => {
  const net = await startKeyNetwork(t, start);
  const documents = [net.document('one.test', first), net.document('two.test', second)];
  net.serve(
    'notary.test',
    notary(() => documents),
  );
  const ring = net.makeRing({ trustedKeyServers: ['notary.test'] });
  const requests = [
    { serverName: 'one.test', keyId: 'ed25519:a', minimumValidUntil: start },
    { serverName: 'two.test', keyId: 'ed25519:b', minimumValidUntil: start },
  ];
  t.equal((await ring.keysFor(requests)).size, 2);
  const urls = net.peer.seen.filter(({ host }) => host === 'notary.test').map(({ url }) => url);
  t.strictSame(urls, ['/_matrix/key/v2/query', '/_matrix/key/v2/server']);
});

t.test('what a notary says must be signed by it and by the server', async (t) => {
  const good = async () => {
    const net = await startKeyNetwork(t, start);
    const ring = net.makeRing({ trustedKeyServers: ['notary.test'] });
    return { net, ring, document: net.document('one.test', first) };
  };
  const unsigned = await good();
  unsigned.net.serve(
    'notary.test',
    notary(() => [unsigned.document], testKey('x'), 'other.test'),
  );
  t.notOk(await has(unsigned.ring, 'one.test', 'ed25519:a'), 'no signature of the notary');

  const forged = await good();
  const { signatures: _, ...bare } = forged.document;
  forged.net.serve(
    'notary.test',
    notary(() => [bare]),
  );
  t.notOk(await has(forged.ring, 'one.test', 'ed25519:a'), 'no signature of the server');

  const stranger = await good();
  stranger.net.serve(
    'notary.test',
    notary(() => [stranger.document]),
  );
  const ring = stranger.net.makeRing({ trustedKeyServers: [] });
  t.notOk(await has(ring, 'one.test', 'ed25519:a'), 'not asked when not trusted');
  t.ok(await has(stranger.ring, 'two.test', 'ed25519:a').then((found) => !found), 'nothing known');
});

t.test('a notary prolongs keys but neither changes them nor brings old ones back', async (t) => {
  const net = await startKeyNetwork(t, start);
  const replay = net.document('one.test', first, {}, 6 * day);
  const changed = signJson(
    {
      server_name: 'one.test',
      verify_keys: {
        'ed25519:b': { key: notaryKey.publicKey },
        'ed25519:n': { key: notaryKey.publicKey },
      },
      valid_until_ts: start + 6 * day,
    },
    'one.test',
    notaryKey,
  );
  const oldKeys = { 'ed25519:a': { key: first.publicKey, expiredTs: start - 1 } };
  net.serve('one.test', net.document('one.test', second, oldKeys, day));
  const ring = net.makeRing({ trustedKeyServers: ['notary.test'] });
  t.ok(await has(ring, 'one.test', 'ed25519:b', start));

  net.serve('one.test', undefined);
  net.clock.now += 2 * day;
  for (const document of [replay, changed]) {
    net.serve(
      'notary.test',
      notary(() => [document]),
    );
    t.notOk(await has(ring, 'one.test', 'ed25519:a', net.clock.now), 'stays expired');
    net.clock.now += limits.keyRefetchMsMax;
  }
  t.equal(net.stored.get('one.test')?.keys['ed25519:b']?.key, second.publicKey, 'stays as it was');
  net.serve(
    'notary.test',
    notary(() => [net.document('one.test', second, oldKeys, day)]),
  );
  t.ok(await has(ring, 'one.test', 'ed25519:b', net.clock.now), 'prolonged');
});

t.test('an answer from a notary is not held up by a server that stays silent', async (t) => {
  const net = await startKeyNetwork(t, start);
  let release: (() => void) | undefined;
  net.serve('one.test', (_request, response) => {
    release = () => response.end(JSON.stringify(net.document('one.test', first)));
  });
  net.serve(
    'notary.test',
    notary(() => [net.document('one.test', first)]),
  );
  const ring = net.makeRing({ trustedKeyServers: ['notary.test'] });
  t.ok(await has(ring, 'one.test', 'ed25519:a'));
  t.type(release, 'function', 'the server has still not answered');
  release?.();
});

t.test('two notaries that are down do not wait for each other', async (t) => {
  const net = await startKeyNetwork(t, start);
  const query: RequestListener = (request, response) => {
    const host = request.headers.host ?? '';
    if (request.url !== '/_matrix/key/v2/query') request.socket.destroy();
    else
      response.end(
        JSON.stringify(answerKeyQuery([net.document('one.test', first)], host, notaryKey)),
      );
  };
  net.serve('notary.test', query);
  net.serve('notary2.test', query);
  const ring = net.makeRing({ trustedKeyServers: ['notary.test', 'notary2.test'] });
  const wanted = ['one.test', 'notary.test', 'notary2.test'];
  const requests = wanted.map((serverName) => ({
    serverName,
    keyId: 'ed25519:a',
    minimumValidUntil: 0,
  }));
  t.equal((await ring.keysFor(requests)).size, 0);
});

t.test('callers at the same time share one fetch', async (t) => {
  const net = await startKeyNetwork(t, start);
  net.serve('one.test', net.document('one.test', first));
  const ring = net.makeRing();
  const found = await Promise.all(
    Array.from({ length: 20 }, () => has(ring, 'one.test', 'ed25519:a', start)),
  );
  t.ok(found.every(Boolean));
  t.equal(net.asked('one.test'), 1);
});

t.test('a server that fails is left alone ever longer, and so is an unknown key id', async (t) => {
  const net = await startKeyNetwork(t, start);
  net.serve('one.test', (_request, response) => response.writeHead(404).end());
  net.serve('two.test', net.document('two.test', first));
  const ring = net.makeRing();
  await has(ring, 'one.test', 'ed25519:a');
  const waits: number[] = [];
  let last = net.clock.now;
  for (let i = 0; i < 600 && waits.length < 8; i += 1) {
    net.clock.now += 30_000;
    const before = net.asked('one.test');
    t.notOk(await has(ring, 'one.test', 'ed25519:a'));
    if (net.asked('one.test') === before) continue;
    waits.push((net.clock.now - last) / 60_000);
    last = net.clock.now;
  }
  t.strictSame(waits, [1, 2, 4, 8, 16, 32, 60, 60]);

  for (let i = 0; i < 5; i += 1) t.notOk(await has(ring, 'two.test', `ed25519:none${i}`));
  t.equal(net.asked('two.test'), 1, 'made-up key ids do not make us hammer a server');
  net.serve('two.test', net.document('two.test', second));
  net.clock.now += limits.keyRefetchMsMin;
  t.ok(await has(ring, 'two.test', 'ed25519:b'), 'a new key is found a little later');
});

t.test('a blocked key counts for nothing, under whatever name', async (t) => {
  const net = await startKeyNetwork(t, start);
  net.serve('one.test', net.document('one.test', first));
  const padded = net.document('two.test', { ...first, publicKey: `${first.publicKey}=` });
  net.serve('two.test', padded);
  const ring = net.makeRing({ blockedKeys: [first.publicKey] });
  t.notOk(await has(ring, 'one.test', 'ed25519:a'));
  t.notOk(await has(ring, 'two.test', 'ed25519:a'), 'in another spelling');
  t.ok(await has(net.makeRing(), 'two.test', 'ed25519:a'));
});

t.test('our own keys are never asked for over the network', async (t) => {
  const net = await startKeyNetwork(t, start);
  const retired = { keyId: 'ed25519:b', publicKey: second.publicKey, expiredTs: start - 1 };
  const ring = net.makeRing({ ownKeys: () => [testKey('us'), retired] });
  t.ok(await has(ring, 'us.test', 'ed25519:us', start + 100 * day));
  t.ok(await has(ring, 'us.test', 'ed25519:b', start - 1));
  t.notOk(await has(ring, 'us.test', 'ed25519:b', start));
  t.notOk(await has(ring, 'us.test', 'ed25519:a'));
  t.equal(net.peer.seen.length, 0);
});

t.test('names of object properties are no keys', async (t) => {
  const net = await startKeyNetwork(t, start);
  net.serve('one.test', net.document('one.test', first));
  const ring = net.makeRing();
  for (const keyId of ['__proto__', 'constructor', 'toString']) {
    t.notOk(await has(ring, 'one.test', keyId), keyId);
  }
});

t.test("a failing store is the caller's to know, and is asked again", async (t) => {
  const net = await startKeyNetwork(t, start);
  net.serve('one.test', net.document('one.test', first));
  let failures = 1;
  const ring = net.makeRing({
    store: {
      load: async () => {
        if (failures-- > 0) throw new Error('the store is down');
        return undefined;
      },
      save: async () => undefined,
    },
  });
  await t.rejects(has(ring, 'one.test', 'ed25519:a'), /the store is down/);
  t.ok(await has(ring, 'one.test', 'ed25519:a'));
});

t.test(
  'as a notary we hand on documents of others, with our signature beside theirs',
  async (t) => {
    const net = await startKeyNetwork(t, start);
    net.serve('one.test', net.document('one.test', first));
    const ring = net.makeRing({ trustedKeyServers: ['notary.test'] });
    const query = { serverName: 'one.test', minimumValidUntil: start };
    const silent = { serverName: 'two.test', minimumValidUntil: start };
    const ours = { serverName: 'us.test', minimumValidUntil: start };
    const documents = await ring.documentsFor([query, silent, ours]);
    t.equal(documents.length, 1);
    t.equal(net.asked('notary.test'), 0, 'no other notary is asked');
    const answer = answerKeyQuery(documents, 'us.test', testKey('us'));
    const [document] = Array.isArray(answer['server_keys']) ? answer['server_keys'] : [];
    t.ok(readKeyDocument(document, 'one.test', start).valid);
    t.strictSame(Object.keys(document.signatures).sort(), ['one.test', 'us.test']);

    net.clock.now += day / 2;
    await ring.documentsFor([query]);
    t.equal(net.asked('one.test'), 1, 'kept for half its life');
    net.clock.now += 1;
    await ring.documentsFor([query]);
    t.equal(net.asked('one.test'), 2);

    net.serve('one.test', undefined);
    net.clock.now += 30 * day;
    t.equal((await ring.documentsFor([query])).length, 1, 'the last one known serves on');
  },
);

t.test('saves of one server do not overtake each other', async (t) => {
  const net = await startKeyNetwork(t, start);
  const renewed = net.document('one.test', second, {}, 2 * day);
  net.serve('one.test', net.document('one.test', first));
  net.serve(
    'notary.test',
    notary(() => [renewed]),
  );
  const saved: string[][] = [];
  let isHeld = true;
  let release: (() => void) | undefined;
  const ring = net.makeRing({
    trustedKeyServers: ['notary.test'],
    store: {
      load: async () => undefined,
      save: async ({ serverName, keys }) => {
        if (serverName === 'one.test' && isHeld) {
          isHeld = false;
          await new Promise<void>((resolve) => {
            release = resolve;
          });
        }
        if (serverName === 'one.test') saved.push(Object.keys(keys).sort());
      },
    },
  });
  const both = Promise.all(['a', 'b'].map((id) => has(ring, 'one.test', `ed25519:${id}`)));
  const tick = () => new Promise((resolve) => setImmediate(resolve));
  while (release === undefined || net.asked('notary.test') < 2) await tick();
  for (let i = 0; i < 50; i += 1) await tick();
  t.strictSame(saved, [], 'the second waits for the first');
  release();
  t.strictSame(await both, [true, true]);
  t.strictSame(saved.at(-1), ['ed25519:a', 'ed25519:b']);
});
