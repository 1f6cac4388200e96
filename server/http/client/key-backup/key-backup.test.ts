import { limits } from '@candor/spec';
import fc from 'fast-check';
import t from 'tap';
import { closeAccount } from '../../../accounts/close-account.ts';
import { person } from '../../../testing/federated-rooms.ts';
import { startTestServer } from '../../../testing/start-server.ts';

const server = await startTestServer(t);
const enc = encodeURIComponent;

const algorithm = 'm.megolm_backup.v1.curve25519-aes-sha2';
const info = { algorithm, auth_data: { public_key: 'abc', signatures: {} } };
const sealed = (fields: object = {}) => ({
  first_message_index: 1,
  forwarded_count: 0,
  is_verified: false,
  session_data: { ephemeral: 'e', ciphertext: 'c', mac: 'm' },
  ...fields,
});
const roomId = '!room:example.org';
const other = '!other:example.org';
const notFound = { status: 404, body: { errcode: 'M_NOT_FOUND' } };
const badJson = { status: 400, body: { errcode: 'M_BAD_JSON' } };
const missing = { status: 400, body: { errcode: 'M_MISSING_PARAM' } };
const invalid = { status: 400, body: { errcode: 'M_INVALID_PARAM' } };

/** Somebody, and what there is to do with a backup. */
const owner = async (name: string) => {
  const { userId, accessToken, request } = await person(server, name);
  const keys = (method: string, version: string, path: readonly string[], body?: unknown) =>
    request(
      method,
      `/room_keys/keys${path.map((id) => `/${enc(id)}`).join('')}?version=${version}`,
      body,
    );
  return {
    userId,
    accessToken,
    version: (method: string, version = '', body?: unknown) =>
      request(method, `/room_keys/version${version === '' ? '' : `/${version}`}`, body),
    begin: async (): Promise<string> =>
      (await request('POST', '/room_keys/version', info)).body.version,
    put: (version: string, path: readonly string[], body: unknown) =>
      keys('PUT', version, path, body),
    get: (version: string, ...path: readonly string[]) => keys('GET', version, path),
    remove: (version: string, ...path: readonly string[]) => keys('DELETE', version, path),
  };
};

t.test('a backup is begun, described, changed and deleted', async (t) => {
  const alice = await owner('alice');
  t.match(await alice.version('GET'), notFound);
  const version = await alice.begin();
  const begun = { ...info, version, count: 0, etag: '0' };
  t.strictSame((await alice.version('GET')).body, begun);
  t.strictSame((await alice.version('GET', version)).body, begun);

  const auth_data = { public_key: 'def', signatures: { a: {} } };
  t.strictSame((await alice.version('PUT', version, { ...info, auth_data })).body, {});
  t.strictSame((await alice.version('PUT', version, { ...info, auth_data, version })).body, {});
  t.strictSame((await alice.version('GET', version)).body, { ...begun, auth_data });
  t.match(await alice.version('PUT', version, { ...info, algorithm: 'x' }), invalid);
  t.match(await alice.version('PUT', version, { ...info, version: `${version}0` }), invalid);

  const next = await alice.begin();
  t.not(next, version);
  t.equal((await alice.version('GET')).body.version, next, 'the newest is the current one');
  t.equal((await alice.version('GET', version)).status, 200, 'the older one stays');

  t.strictSame((await alice.version('DELETE', next)).body, {});
  t.match(await alice.version('GET', next), notFound);
  t.match(await alice.version('PUT', next, info), notFound);
  t.equal((await alice.version('GET')).body.version, version, 'the one before is current again');
  t.strictSame((await alice.version('DELETE', next)).status, 200, 'deleted already');
  const after = await alice.begin();
  t.notOk([version, next].includes(after), 'a number is not used again');
  await alice.version('DELETE', after);
  await alice.version('DELETE', version);
  t.match(await alice.version('GET'), notFound);
  t.notOk([version, next, after].includes(await alice.begin()));
});

t.test('keys are stored and given by backup, room and session', async (t) => {
  const bob = await owner('bob');
  const version = await bob.begin();
  t.strictSame((await bob.get(version)).body, { rooms: {} });
  t.strictSame((await bob.get(version, roomId)).body, { sessions: {} });
  t.match(await bob.get(version, roomId, 's1'), notFound);

  const key = sealed({ session_data: { unknown: [1, { to: null }], text: '</é\u0000"' } });
  const changed = (count: number, changes: number) => ({ etag: `${changes}`, count });
  t.strictSame((await bob.put(version, [roomId, 's1'], key)).body, changed(1, 1));
  const sessions = { s1: sealed(), s2: sealed(), constructor: sealed() };
  t.strictSame((await bob.put(version, [roomId], { sessions })).body, changed(3, 2));
  const rooms = {
    [roomId]: { sessions: { s3: sealed() } },
    [other]: { sessions: { s1: sealed() } },
  };
  t.strictSame((await bob.put(version, [], { rooms })).body, changed(5, 3));
  t.strictSame((await bob.put(version, [], { rooms: {} })).body, changed(5, 3), 'nothing changed');

  t.strictSame((await bob.get(version, roomId, 's1')).body, key, 'equals do not replace it');
  const inRoom = { sessions: { s1: key, s2: sealed(), s3: sealed(), constructor: sealed() } };
  t.same((await bob.get(version, roomId)).body, inRoom);
  t.same((await bob.get(version)).body, {
    rooms: { [roomId]: inRoom, [other]: { sessions: { s1: sealed() } } },
  });
  t.match((await bob.version('GET')).body, changed(5, 3));

  const carol = await owner('carol');
  const hers = await carol.begin();
  t.strictSame((await carol.get(hers)).body, { rooms: {} }, 'backups of others are not seen');

  t.strictSame((await bob.remove(version, roomId, 's1')).body, changed(4, 4));
  t.strictSame((await bob.remove(version, roomId, 's1')).body, changed(4, 4), 'nothing changed');
  t.strictSame((await bob.remove(version, roomId)).body, changed(1, 5));
  t.strictSame((await bob.get(version)).body, {
    rooms: { [other]: { sessions: { s1: sealed() } } },
  });
  t.strictSame((await bob.remove(version)).body, changed(0, 6));
  t.strictSame((await bob.get(version)).body, { rooms: {} });
});

t.test('of two keys for a session the better stays, whichever comes first', async (t) => {
  const dora = await owner('dora');
  const version = await dora.begin();
  const someKey = fc.record({
    first_message_index: fc.nat(2),
    forwarded_count: fc.nat(2),
    is_verified: fc.boolean(),
  });
  let sessions = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(someKey, { minLength: 1, maxLength: 6 }), async (keys) => {
      sessions += 1;
      for (const key of keys) await dora.put(version, [roomId, `s${sessions}`], sealed(key));
      const verified = keys.filter((key) => key.is_verified);
      const candidates = verified.length > 0 ? verified : keys;
      const first = Math.min(...candidates.map((key) => key.first_message_index));
      const early = candidates.filter((key) => key.first_message_index === first);
      const forwarded = Math.min(...early.map((key) => key.forwarded_count));
      t.match((await dora.get(version, roomId, `s${sessions}`)).body, {
        is_verified: verified.length > 0,
        first_message_index: first,
        forwarded_count: forwarded,
      });
    }),
    { numRuns: 30 },
  );
  t.equal((await dora.version('GET')).body.count, sessions, 'a session counts once');
});

t.test('the etag changes with the keys and with nothing else', async (t) => {
  const emil = await owner('emil');
  const version = await emil.begin();
  const etag = async () => (await emil.version('GET', version)).body.etag;
  const seen = [await etag()];
  const path = [roomId, 's'];
  for (const index of [3, 2, 1]) {
    await emil.put(version, path, sealed({ first_message_index: index }));
    seen.push(await etag());
  }
  t.equal(new Set(seen).size, 4);
  await emil.put(version, path, sealed({ first_message_index: 9 }));
  await emil.version('PUT', version, { ...info, auth_data: {} });
  t.equal(await etag(), seen.at(-1));
});

t.test('keys go to the newest backup alone', async (t) => {
  const fred = await owner('fred');
  const rooms = { [roomId]: { sessions: { s: sealed() } } };
  const bodies = [
    [[], { rooms }],
    [[roomId], rooms[roomId]],
    [[roomId, 's'], sealed()],
  ] as const;
  for (const [path, body] of bodies) t.match(await fred.put('1', path, body), notFound);
  const old = await fred.begin();
  await fred.put(old, [], { rooms });
  const current = await fred.begin();
  for (const [path, body] of bodies) {
    for (const version of [old, '999', '0', '-1', 'x', '9'.repeat(40)]) {
      t.match(await fred.put(version, path, body), {
        status: 403,
        body: { errcode: 'M_WRONG_ROOM_KEYS_VERSION', current_version: current },
      });
    }
  }
  t.strictSame((await fred.get(old)).body, { rooms }, 'what is in the older one can be read');
  t.strictSame((await fred.remove(old)).body, { etag: '2', count: 0 }, 'and deleted');
});

t.test('what is in no backup of the caller is not found', async (t) => {
  const gina = await owner('gina');
  const deleted = await gina.begin();
  await gina.put(deleted, [roomId, 's'], sealed());
  await gina.version('DELETE', deleted);
  for (const version of [deleted, '999', '0', '01', '-1', '1.0', 'x', '9'.repeat(40), '%00']) {
    for (const path of [[], [roomId], [roomId, 's']]) {
      t.match(await gina.get(version, ...path), notFound, `GET ${version} ${path}`);
      t.match(await gina.remove(version, ...path), notFound, `DELETE ${version} ${path}`);
    }
    t.match(await gina.version('GET', version), notFound);
    t.match(await gina.version('PUT', version, info), notFound);
    if (version !== deleted) t.match(await gina.version('DELETE', version), notFound);
  }
  const again = await gina.begin();
  t.strictSame((await gina.get(again)).body, { rooms: {} }, 'a new backup is empty');
});

t.test('what is wrong with a request is said', async (t) => {
  const hugo = await owner('hugo');
  const version = await hugo.begin();
  t.match(await hugo.version('POST', '', { auth_data: {} }), missing);
  t.match(await hugo.version('POST', '', { algorithm }), missing);
  t.match(await hugo.version('POST', '', { algorithm, auth_data: [] }), badJson);
  t.match(await hugo.version('POST', '', { algorithm: 1, auth_data: {} }), badJson);
  t.match(await hugo.version('PUT', version, { algorithm }), missing);
  t.match(await hugo.version('PUT', version, 'nonsense'), { body: { errcode: 'M_NOT_JSON' } });
  for (const name of ['first_message_index', 'forwarded_count', 'is_verified', 'session_data']) {
    const without = sealed({ [name]: undefined });
    t.match(await hugo.put(version, [roomId, 's'], without), missing);
    t.match(await hugo.put(version, [roomId], { sessions: { s: without } }), missing);
  }
  for (const fields of [
    { first_message_index: -1 },
    { first_message_index: '1' },
    { forwarded_count: '0' },
    { is_verified: 'true' },
    { session_data: 'text' },
    { session_data: [] },
  ]) {
    t.match(await hugo.put(version, [roomId, 's'], sealed(fields)), badJson);
    const rooms = { [roomId]: { sessions: { s: sealed(), s2: sealed(fields) } } };
    t.match(await hugo.put(version, [], { rooms }), badJson);
  }
  for (const [path, body, expected] of [
    [[], {}, missing],
    [[], { rooms: { [roomId]: {} } }, missing],
    [[], { rooms: [] }, badJson],
    [[], { rooms: { 'no room': { sessions: {} } } }, badJson],
    [[], { rooms: { [`!${'r'.repeat(255)}`]: { sessions: {} } } }, badJson],
    [[roomId], { sessions: { ['s'.repeat(256)]: sealed() } }, badJson],
    [[roomId], { sessions: { '': sealed() } }, badJson],
    [['no room', 's'], sealed(), invalid],
    [[roomId, 's'.repeat(256)], sealed(), invalid],
    [[roomId, 'nul\u0000'], sealed(), invalid],
  ] as const) {
    t.match(
      await hugo.put(version, path, body),
      expected,
      JSON.stringify([path, body]).slice(0, 80),
    );
  }
  const { accessToken: token } = hugo;
  for (const [method, body] of [
    ['GET', undefined],
    ['DELETE', undefined],
    ['PUT', { rooms: {} }],
  ] as const) {
    const path = '/_matrix/client/v3/room_keys/keys';
    t.match(await server.request(method, path, { token, body }), missing);
    t.match(await server.request(method, `${path}?version=1`, { body }), {
      status: 401,
      body: { errcode: 'M_MISSING_TOKEN' },
    });
  }
  t.match((await hugo.version('GET')).body, { count: 0, etag: '0' }, 'nothing was stored');
});

t.test('there is an end to backups and to what is in them', async (t) => {
  const ines = await owner('ines');
  const version = await ines.begin();
  const tooLarge = { status: 413, body: { errcode: 'M_TOO_LARGE' } };
  const tooMany = { status: 400, body: { errcode: 'M_RESOURCE_LIMIT_EXCEEDED' } };
  const filled = (bytes: number) => ({ x: 'x'.repeat(bytes - '{"x":""}'.length) });
  const largest = sealed({ session_data: filled(limits.backedUpKeyBytesMax) });
  t.match(await ines.put(version, [roomId, 's'], largest), { status: 200 });
  const larger = sealed({ session_data: filled(limits.backedUpKeyBytesMax + 1) });
  t.match(await ines.put(version, [roomId, 's2'], larger), tooLarge);
  const auth_data = filled(limits.keyBackupAuthDataBytesMax + 1);
  t.match(await ines.version('POST', '', { algorithm, auth_data }), tooLarge);
  t.match(await ines.version('PUT', version, { algorithm, auth_data }), tooLarge);
  t.match(
    await ines.put(
      version,
      [roomId, 's3'],
      sealed({ session_data: filled(limits.keyBackupBodyBytesMax) }),
    ),
    tooLarge,
  );

  for (let count = 1; count < limits.keyBackupsPerUserMax; count += 1) await ines.begin();
  t.match(await ines.version('POST', '', info), tooMany);
  await ines.version('DELETE', version);
  const last = await ines.begin();
  t.ok(last, 'what is deleted counts no more');

  await server.context.db.sql
    .updateTable('key_backups')
    .set({ key_count: limits.backedUpKeysPerBackupMax - 1 })
    .where('user_id', '=', ines.userId)
    .execute();
  t.match(await ines.put(last, [roomId], { sessions: { a: sealed(), b: sealed() } }), tooMany);
  t.equal((await ines.put(last, [roomId, 'a'], sealed())).status, 200);
});

t.test('the bytes of all backups of a user have an end', async (t) => {
  const olga = await owner('olga');
  const old = await olga.begin();
  const { sql } = server.context.db;
  const bytesOf = async (version: string) => {
    const rows = sql.selectFrom('key_backups').select('key_bytes');
    const mine = rows.where('user_id', '=', olga.userId).where('version', '=', Number(version));
    return (await mine.executeTakeFirstOrThrow()).key_bytes;
  };
  const key = (text: string, index = 9) =>
    sealed({ session_data: { x: text }, first_message_index: index });
  const size = (sessionId: string, text: string) =>
    Buffer.byteLength(roomId + sessionId + JSON.stringify({ x: text }));

  await olga.put(old, [roomId], { sessions: { a: key('é'.repeat(50)), b: key('b') } });
  t.equal(await bytesOf(old), size('a', 'é'.repeat(50)) + size('b', 'b'));
  await olga.put(old, [roomId], { sessions: { a: key('better', 1), b: key('worse', 10) } });
  t.equal(await bytesOf(old), size('a', 'better') + size('b', 'b'), 'what is replaced is gone');
  await olga.remove(old, roomId, 'b');
  t.equal(await bytesOf(old), size('a', 'better'));
  await olga.remove(old);
  t.equal(await bytesOf(old), 0);

  const current = await olga.begin();
  const left = size('a', 'x');
  const most = limits.backedUpKeysBytesMax - left;
  const ofOld = sql.updateTable('key_backups').set({ key_bytes: most });
  await ofOld.where('user_id', '=', olga.userId).where('version', '=', Number(old)).execute();
  t.match(await olga.put(current, [roomId, 'a'], key('xx')), {
    status: 400,
    body: { errcode: 'M_RESOURCE_LIMIT_EXCEEDED' },
  });
  t.strictSame((await olga.get(current)).body, { rooms: {} }, 'nothing of it is stored');
  t.equal((await olga.put(current, [roomId, 'a'], key('x'))).status, 200);
  t.equal((await olga.put(current, [roomId, 'b'], key('x'))).status, 400);
  await olga.version('DELETE', old);
  t.equal((await olga.put(current, [roomId, 'b'], key('x'))).status, 200);
});

t.test('a whole backup goes in by one request and comes out page by page', async (t) => {
  const jane = await owner('jane');
  const version = await jane.begin();
  const names = Array.from({ length: 10 }, (_, room) => `!room${room}:example.org`);
  const sessionsOf = (room: string) =>
    Object.fromEntries(
      Array.from({ length: 500 }, (_, at) => [`${room} ${at}`, sealed({ session_data: { at } })]),
    );
  const rooms = Object.fromEntries(names.map((room) => [room, { sessions: sessionsOf(room) }]));
  t.strictSame((await jane.put(version, [], { rooms })).body, { etag: '1', count: 5_000 });
  t.same((await jane.get(version)).body, { rooms });
  const room = '!big:example.org';
  const sessions = Object.assign({}, ...names.map(sessionsOf));
  await jane.put(version, [room], { sessions });
  t.same((await jane.get(version, room)).body, { sessions });
});

t.test('devices that write at once lose nothing', async (t) => {
  const karl = await owner('karl');
  const version = await karl.begin();
  const writers = Array.from({ length: 12 }, (_, at) => {
    // Both orders of the same sessions, so that rows are asked for crosswise.
    const ids = Array.from({ length: 40 }, (_, id) => `s${at % 2 ? id : 39 - id}`);
    return karl.put(version, [roomId], {
      sessions: Object.fromEntries(
        [...ids, `own${at}`].map((id) => [id, sealed({ first_message_index: 20 - at })]),
      ),
    });
  });
  const answers = await Promise.all(writers);
  t.strictSame([...new Set(answers.map(({ status }) => status))], [200]);
  t.equal(new Set(answers.map(({ body }) => body.etag)).size, 12, 'each has an etag of its own');
  t.match((await karl.version('GET')).body, { count: 52, etag: '12' });
  const { sessions } = (await karl.get(version, roomId)).body;
  t.equal(sessions.s7.first_message_index, 9, 'the best one stayed');

  const begun = await Promise.all([karl.begin(), karl.begin(), karl.begin()]);
  t.equal(new Set(begun).size, 3);
});

t.test('backups end with the account', async (t) => {
  const lena = await owner('lena');
  const version = await lena.begin();
  await lena.put(version, [roomId, 's'], sealed());
  await closeAccount(server.context, lena.userId, { isErased: false });
  for (const table of ['key_backups', 'backed_up_keys'] as const) {
    const rows = await server.context.db.sql
      .selectFrom(table)
      .selectAll()
      .where('user_id', '=', lena.userId)
      .execute();
    t.strictSame(rows, [], table);
  }
});
