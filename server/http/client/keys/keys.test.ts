import { limits } from '@candor/spec';
import t from 'tap';
import type { Change } from '../../../notifier.ts';
import { unusedFallbackTypes } from '../../../storage/fallback-keys.ts';
import { makeDeviceKeys, newSigningKey } from '../../../testing/make-keys.ts';
import { startTestServer, type TestUser } from '../../../testing/start-server.ts';

const server = await startTestServer(t);
const v3 = '/_matrix/client/v3';

const post = (user: TestUser, path: string, body: unknown) =>
  server.request('POST', `${v3}${path}`, { token: user.accessToken, body });

/** A user with published keys of the first device. */
const userWithKeys = async (name: string) => {
  const user = await server.register(name);
  const key = newSigningKey(user.deviceId);
  const keys = makeDeviceKeys(user, key);
  await post(user, '/keys/upload', { device_keys: keys });
  return { ...user, key, keys };
};

const alice = await userWithKeys('alice');
const bob = await userWithKeys('bob');
const refused = (status: number, errcode: string) => ({ status, body: { errcode } });

t.test('publishes device keys with the name of the device, to those who ask', async (t) => {
  const rename = { display_name: "Alice's phone" };
  const path = `${v3}/devices/${alice.deviceId}`;
  await server.request('PUT', path, { token: alice.accessToken, body: rename });
  const ask = { [alice.userId]: [], [bob.userId]: ['NOSUCH'], '@nobody:elsewhere': [] };
  const unknown = `@nobody:${server.serverName}`;
  const { status, body } = await post(bob, '/keys/query', {
    device_keys: { ...ask, [unknown]: [], 'no user id': [], ['__proto__']: [] },
    timeout: 1,
  });
  t.equal(status, 200);
  t.strictSame(body.device_keys[alice.userId], {
    [alice.deviceId]: { ...alice.keys, unsigned: { device_display_name: "Alice's phone" } },
  });
  t.strictSame(body.device_keys[bob.userId], {}, 'a device that is not there');
  t.notOk(unknown in body.device_keys);
  t.strictSame(Object.keys(body.failures), ['elsewhere']);
});

t.test('refuses device keys that are not of the caller and their device', async (t) => {
  const { keys } = alice;
  const signatures = { [alice.userId]: { [`ed25519:${alice.deviceId}`]: 'x' } };
  const cases: readonly (readonly [unknown, number, string])[] = [
    [{ ...keys, user_id: bob.userId }, 400, 'M_INVALID_PARAM'],
    [{ ...keys, device_id: 'OTHER' }, 400, 'M_INVALID_PARAM'],
    [{ ...keys, keys: { 'ed25519:OTHER': 'x' } }, 400, 'M_INVALID_PARAM'],
    [{ ...keys, keys: { [`:${alice.deviceId}`]: 'x' } }, 400, 'M_INVALID_PARAM'],
    [{ ...keys, keys: 5 }, 400, 'M_BAD_JSON'],
    [{ ...keys, signatures: undefined }, 400, 'M_MISSING_PARAM'],
    [{ ...keys, signatures, more: 1.5 }, 400, 'M_BAD_JSON'],
    [{ ...keys, more: 'x'.repeat(limits.deviceKeysBytesMax) }, 400, 'M_BAD_JSON'],
  ];
  for (const [device_keys, status, errcode] of cases) {
    t.match(await post(alice, '/keys/upload', { device_keys }), refused(status, errcode));
  }
  t.match(await post(alice, '/keys/upload', '{"device_keys":'), refused(400, 'M_NOT_JSON'));
  const answer = await server.request('POST', `${v3}/keys/upload`, { body: {} });
  t.match(answer, refused(401, 'M_MISSING_TOKEN'));
});

t.test('an upload of the same keys again is no news', async (t) => {
  const changes: Change[] = [];
  const stop = server.context.notifier.listen(({ change }) => changes.push(change));
  await post(alice, '/keys/upload', { device_keys: alice.keys });
  const unsigned = { device_display_name: 'not mine to say' };
  await post(alice, '/keys/upload', { device_keys: { ...alice.keys, unsigned } });
  t.notOk(changes.some(({ kind }) => kind === 'deviceList'));
  const changed = makeDeviceKeys(alice, alice.key, { 'dev.candor.more': true });
  await post(alice, '/keys/upload', { device_keys: changed });
  t.ok(changes.some((change) => change.kind === 'deviceList' && change.userId === alice.userId));
  await post(alice, '/keys/upload', { device_keys: alice.keys });
  stop();
});

const claim = async (user: TestUser, algorithm: string, by: TestUser = bob) => {
  const one_time_keys = { [user.userId]: { [user.deviceId]: algorithm } };
  const { body } = await post(by, '/keys/claim', { one_time_keys });
  return body.one_time_keys[user.userId]?.[user.deviceId] as Record<string, unknown> | undefined;
};

t.test('one-time keys: counted, oldest first, each once, any algorithm', async (t) => {
  const bundle = { v: 1, ik: 'x'.repeat(3_000), spk: { id: 1, key: 'k' }, signatures: {} };
  const upload = (one_time_keys: object) => post(alice, '/keys/upload', { one_time_keys });
  t.match(await upload({ 'signed_curve25519:B': { key: 'b', signatures: {} } }), {
    status: 200,
    body: { one_time_key_counts: { signed_curve25519: 1 } },
  });
  const second = { 'signed_curve25519:A': { key: 'a', signatures: {} } };
  const third = { 'dev.candor.signal.bundle:1': bundle, 'curve25519:x:y': 'bare' };
  await upload(second);
  t.strictSame((await upload({ ...second, ...third })).body.one_time_key_counts, {
    signed_curve25519: 2,
    'dev.candor.signal.bundle': 1,
    curve25519: 1,
  });
  t.strictSame(Object.keys((await claim(alice, 'signed_curve25519')) ?? {}), [
    'signed_curve25519:B',
  ]);
  t.strictSame(Object.keys((await claim(alice, 'signed_curve25519')) ?? {}), [
    'signed_curve25519:A',
  ]);
  t.equal(await claim(alice, 'signed_curve25519'), undefined);
  t.strictSame(await claim(alice, 'dev.candor.signal.bundle'), {
    'dev.candor.signal.bundle:1': bundle,
  });
  t.strictSame(await claim(alice, 'curve25519'), { 'curve25519:x:y': 'bare' });
  t.strictSame((await upload(second)).body.one_time_key_counts, {}, 'not offered once more');
  t.equal(await claim(alice, 'signed_curve25519'), undefined);
});

t.test('refuses another key under an id that is taken, and what is no key', async (t) => {
  const upload = (one_time_keys: unknown) => post(alice, '/keys/upload', { one_time_keys });
  await upload({ 'signed_curve25519:C': { key: 'c' } });
  const other = { 'signed_curve25519:NEW': { key: 'n' }, 'signed_curve25519:C': { key: 'other' } };
  t.match(await upload(other), refused(400, 'M_INVALID_PARAM'));
  t.strictSame((await upload({})).body.one_time_key_counts, { signed_curve25519: 1 });
  await claim(alice, 'signed_curve25519');
  t.match(await upload(other), refused(400, 'M_INVALID_PARAM'), 'also once it was claimed');
  for (const [keys, errcode] of [
    [{ nocolon: 'k' }, 'M_INVALID_PARAM'],
    [{ ':id': 'k' }, 'M_INVALID_PARAM'],
    [{ 'alg:': 'k' }, 'M_INVALID_PARAM'],
    [{ [`alg:${'x'.repeat(300)}`]: 'k' }, 'M_INVALID_PARAM'],
    [{ 'alg:1': { key: 1.5 } }, 'M_BAD_JSON'],
    [{ 'alg:1': { more: 1.5 } }, 'M_BAD_JSON'],
    [{ 'alg:1': 'x'.repeat(limits.oneTimeKeyBytesMax) }, 'M_BAD_JSON'],
    [[], 'M_BAD_JSON'],
  ] as const) {
    t.match(await upload(keys), refused(400, errcode), JSON.stringify(keys).slice(0, 40));
  }
  const many = Array.from({ length: limits.oneTimeKeysPerDeviceMax + 1 }, (_, i) => [
    `m:${i}`,
    'k',
  ]);
  t.match(await upload(Object.fromEntries(many)), refused(413, 'M_TOO_LARGE'));
  t.strictSame((await upload({})).body.one_time_key_counts, {});
});

t.test(
  'claims at the same time never get the same one-time key, and the last ones the fallback',
  async (t) => {
    const carol = await userWithKeys('carol');
    const keys = Array.from({ length: 50 }, (_, i) => [`alg:${i}`, { key: `k${i}` }]);
    await post(carol, '/keys/upload', {
      one_time_keys: Object.fromEntries(keys),
      fallback_keys: { 'alg:last': { key: 'f', fallback: true } },
    });
    const claims = await Promise.all(Array.from({ length: 60 }, () => claim(carol, 'alg')));
    const ids = claims.flatMap((one) => Object.keys(one ?? {}));
    t.equal(ids.length, 60);
    t.equal(new Set(ids).size, 51);
    t.equal(ids.filter((id) => id === 'alg:last').length, 10);
  },
);

t.test('a fallback key serves until it is replaced, and is marked by its first use', async (t) => {
  const dave = await userWithKeys('dave');
  const unused = () => unusedFallbackTypes(server.context.db, dave.userId, dave.deviceId);
  const upload = (fallback_keys: object) => post(dave, '/keys/upload', { fallback_keys });
  const first = { 'alg:1': { key: 'f', fallback: true } };
  t.equal((await upload({ ...first, 'b:1': 'k' })).status, 200);
  t.match(await upload({ 'alg:1': 'x', 'alg:2': 'y' }), refused(400, 'M_INVALID_PARAM'));
  t.strictSame(await unused(), ['alg', 'b']);
  t.strictSame(await claim(dave, 'alg'), first);
  t.strictSame(await claim(dave, 'alg'), first);
  t.strictSame(await unused(), ['b']);
  await upload(first);
  t.strictSame(await unused(), ['b'], 'the same key once more stays used');
  await upload({ 'alg:2': { key: 'g', fallback: true } });
  t.strictSame(await unused(), ['alg', 'b']);
  t.strictSame(Object.keys((await claim(dave, 'alg')) ?? {}), ['alg:2']);
  await post(dave, '/keys/upload', { one_time_keys: { 'alg:9': 'k' } });
  t.strictSame(await claim(dave, 'alg'), { 'alg:9': 'k' }, 'one-time keys go first');
});

t.test('claims of what is not there give nothing, and bad ones are refused', async (t) => {
  const { body } = await post(bob, '/keys/claim', {
    one_time_keys: {
      [alice.userId]: { NOSUCH: 'alg', ['__proto__']: 'alg' },
      [`@nobody:${server.serverName}`]: { X: 'alg' },
      '@x:elsewhere': { X: 'alg' },
      junk: { X: 'alg' },
    },
    timeout: 1,
  });
  t.strictSame(body.one_time_keys, {});
  t.strictSame(Object.keys(body.failures), ['elsewhere']);
  t.match(await post(bob, '/keys/claim', {}), refused(400, 'M_MISSING_PARAM'));
  t.match(await post(bob, '/keys/claim', { one_time_keys: [] }), refused(400, 'M_BAD_JSON'));
  t.match(await post(bob, '/keys/query', {}), refused(400, 'M_MISSING_PARAM'));
  t.match(await post(bob, '/keys/query', { device_keys: 1 }), refused(400, 'M_BAD_JSON'));
});

t.test('a row that cannot be read hides one device, not the answer', async (t) => {
  const erin = await userWithKeys('erin');
  const { sql } = server.context.db;
  for (const [device_id, keys] of [
    ['BROKEN', '{'],
    ['WRONG', '{"user_id":7}'],
    ['STOLEN', JSON.stringify(erin.keys)],
  ] as const) {
    const owner = { user_id: erin.userId, device_id };
    await sql
      .insertInto('devices')
      .values({ ...owner, created_at: 0 } as never)
      .execute();
    await sql
      .insertInto('device_keys')
      .values({ ...owner, keys })
      .execute();
  }
  const row = { user_id: erin.userId, usage: 'master', keys: '[]' };
  await sql.insertInto('cross_signing_keys').values(row).execute();
  const { status, body } = await post(bob, '/keys/query', { device_keys: { [erin.userId]: [] } });
  t.equal(status, 200);
  t.strictSame(Object.keys(body.device_keys[erin.userId]), [erin.deviceId]);
  t.strictSame(body.master_keys, {});
});
