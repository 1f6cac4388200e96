import { type JsonObject, type SigningKey, signJson } from '@candor/federation';
import t from 'tap';
import type { Change } from '../../../notifier.ts';
import { makeCrossSigningKey, makeDeviceKeys, newSigningKey } from '../../../testing/make-keys.ts';
import { startTestServer, type TestUser } from '../../../testing/start-server.ts';

const server = await startTestServer(t);
const v3 = '/_matrix/client/v3';
const password = 'correct horse';

const post = (user: TestUser, path: string, body: unknown) =>
  server.request('POST', `${v3}${path}`, { token: user.accessToken, body });
const uploadKeys = (user: TestUser, body: unknown) =>
  post(user, '/keys/device_signing/upload', body);
const uploadSignatures = (user: TestUser, body: unknown) =>
  post(user, '/keys/signatures/upload', body);
const query = async (viewer: TestUser, user: TestUser) =>
  (await post(viewer, '/keys/query', { device_keys: { [user.userId]: [] } })).body;
const refused = (status: number, errcode: string) => ({ status, body: { errcode } });

const newIdentity = (userId: string, master = newSigningKey()) => {
  const [selfSigning, userSigning] = [newSigningKey(), newSigningKey()];
  return {
    master,
    selfSigning,
    userSigning,
    body: {
      master_key: makeCrossSigningKey(userId, 'master', master),
      self_signing_key: makeCrossSigningKey(userId, 'self_signing', selfSigning, master),
      user_signing_key: makeCrossSigningKey(userId, 'user_signing', userSigning, master),
    },
  };
};

const userWithDevice = async (name: string) => {
  const user = await server.register(name, { password });
  const key = newSigningKey(user.deviceId);
  const keys = makeDeviceKeys(user, key);
  await post(user, '/keys/upload', { device_keys: keys });
  return { ...user, key, keys, identity: newIdentity(user.userId) };
};

const alice = await userWithDevice('alice');
const bob = await userWithDevice('bob');
const withAuth = (body: object, session: string) => ({
  ...body,
  auth: {
    type: 'm.login.password',
    identifier: { type: 'm.id.user', user: 'alice' },
    password,
    session,
  },
});

t.test('refuses keys that are not what they claim', async (t) => {
  const { userId } = alice;
  const { master, selfSigning, body } = alice.identity;
  const otherMaster = newSigningKey();
  const deviceName = newSigningKey();
  const named = { user_id: userId, device_id: deviceName.publicKey };
  await server.request('POST', `${v3}/login`, {
    body: { ...withAuth({}, '').auth, device_id: named.device_id },
  });
  const selfSigned = (by?: SigningKey) =>
    makeCrossSigningKey(userId, 'self_signing', selfSigning, by);
  const cases: readonly (readonly [JsonObject, number, string])[] = [
    [{ self_signing_key: body.self_signing_key }, 400, 'M_MISSING_PARAM'],
    [{}, 400, 'M_MISSING_PARAM'],
    [{ ...body, self_signing_key: selfSigned() }, 400, 'M_INVALID_SIGNATURE'],
    [{ ...body, self_signing_key: selfSigned(otherMaster) }, 400, 'M_INVALID_SIGNATURE'],
    [{ ...body, user_signing_key: body.self_signing_key }, 400, 'M_INVALID_PARAM'],
    [{ master_key: { ...body.master_key, user_id: bob.userId } }, 400, 'M_INVALID_PARAM'],
    [{ master_key: { ...body.master_key, keys: {} } }, 400, 'M_INVALID_PARAM'],
    [{ master_key: { ...body.master_key, keys: { 'ed25519:x': 'x' } } }, 400, 'M_INVALID_PARAM'],
    [
      { ...body, self_signing_key: makeCrossSigningKey(userId, 'self_signing', master, master) },
      400,
      'M_INVALID_PARAM',
    ],
    [{ master_key: { user_id: userId } }, 400, 'M_MISSING_PARAM'],
    [{ master_key: 1 }, 400, 'M_BAD_JSON'],
    [{ master_key: makeCrossSigningKey(userId, 'master', deviceName) }, 403, 'M_FORBIDDEN'],
  ];
  for (const [keys, status, errcode] of cases) {
    t.match(await uploadKeys(alice, keys), refused(status, errcode), JSON.stringify(keys));
  }
  t.strictSame((await query(alice, alice)).master_keys, {});
});

t.test('the first keys need no password, nor the same again; others see all but one', async (t) => {
  const { body } = alice.identity;
  const changes: Change[] = [];
  const stop = server.context.notifier.listen(({ change }) => changes.push(change));
  t.match(await uploadKeys(alice, body), { status: 200, body: {} });
  stop();
  t.ok(changes.some((change) => change.kind === 'deviceList' && change.userId === alice.userId));
  t.equal((await uploadKeys(alice, body)).status, 200);
  t.equal((await uploadKeys(alice, { master_key: body.master_key })).status, 200);
  const own = await query(alice, alice);
  const seen = await query(bob, alice);
  for (const answer of [own, seen]) {
    t.match(answer.master_keys[alice.userId], body.master_key);
    t.strictSame(answer.self_signing_keys[alice.userId], body.self_signing_key);
  }
  t.strictSame(own.user_signing_keys[alice.userId], body.user_signing_key);
  t.strictSame(seen.user_signing_keys, {});
});

t.test('a device that has signed the master key goes on uploading one-time keys', async (t) => {
  const olga = await userWithDevice('olga');
  const { body } = olga.identity;
  const master = signJson(body.master_key, olga.userId, olga.key);
  t.equal((await uploadKeys(olga, { ...body, master_key: master })).status, 200);
  const more = {
    device_keys: olga.keys,
    one_time_keys: { 'signed_curve25519:AAAAAQ': { key: 'k', signatures: {} } },
  };
  t.match(await post(olga, '/keys/upload', more), {
    status: 200,
    body: { one_time_key_counts: { signed_curve25519: 1 } },
  });
});

t.test('other keys need the password', async (t) => {
  const { body } = newIdentity(alice.userId, alice.identity.master);
  const replaced = { self_signing_key: body.self_signing_key };
  const challenge = await uploadKeys(alice, replaced);
  t.match(challenge, { status: 401, body: { flows: [{ stages: ['m.login.password'] }] } });
  const session = challenge.body.session;
  t.equal((await uploadKeys(alice, withAuth(newIdentity(alice.userId).body, session))).status, 403);
  t.equal((await uploadKeys(alice, withAuth(replaced, session))).status, 200);
  const { self_signing_keys } = await query(bob, alice);
  t.strictSame(self_signing_keys[alice.userId], body.self_signing_key);
  const back = { self_signing_key: alice.identity.body.self_signing_key };
  const again = await uploadKeys(alice, back);
  t.equal((await uploadKeys(alice, withAuth(back, again.body.session))).status, 200);
});

t.test('of two first uploads at the same time one is the first', async (t) => {
  const carol = await userWithDevice('carol');
  const uploads = Array.from({ length: 5 }, () => newIdentity(carol.userId).body);
  const answers = await Promise.all(uploads.map((body) => uploadKeys(carol, body)));
  t.equal(answers.filter(({ status }) => status === 200).length, 1);
  const { master_keys, self_signing_keys } = await query(bob, carol);
  const first = uploads[answers.findIndex(({ status }) => status === 200)];
  t.match(master_keys[carol.userId], first?.master_key ?? 'none');
  t.strictSame(self_signing_keys[carol.userId], first?.self_signing_key);
});

const signed = (object: JsonObject, user: TestUser, key: SigningKey): JsonObject =>
  signJson(object, user.userId, key);

t.test('stores signatures that are good, and names those that are not', async (t) => {
  const { identity, keys, userId, deviceId } = alice;
  await uploadKeys(bob, bob.identity.body);
  const bobsMaster = bob.identity.master.publicKey;
  const { status, body } = await uploadSignatures(alice, {
    [userId]: {
      [deviceId]: signed(keys, alice, identity.selfSigning),
      [identity.master.publicKey]: signed(identity.body.master_key, alice, alice.key),
      NOSUCH: keys,
    },
    [bob.userId]: {
      [bobsMaster]: signed(bob.identity.body.master_key, alice, identity.userSigning),
      [bob.deviceId]: signed(bob.keys, alice, identity.userSigning),
    },
    'no user': { x: {} },
  });
  t.equal(status, 200);
  t.strictSame(
    Object.entries(body.failures).map(([user, keys]) => [user, Object.keys(keys as object)]),
    [
      [userId, ['NOSUCH']],
      [bob.userId, [bob.deviceId]],
      ['no user', ['x']],
    ],
  );
  t.equal(body.failures[userId].NOSUCH.errcode, 'M_NOT_FOUND');

  const asBob = await query(bob, alice);
  const deviceSignatures = asBob.device_keys[userId][deviceId].signatures[userId];
  t.strictSame(
    Object.keys(deviceSignatures).sort(),
    [`ed25519:${deviceId}`, identity.selfSigning.keyId].sort(),
  );
  const masterSignatures = asBob.master_keys[userId].signatures[userId];
  t.strictSame(Object.keys(masterSignatures), [`ed25519:${deviceId}`]);
});

t.test('a signature on the key of another is seen by who made it alone', async (t) => {
  const carol = await server.register('carol2');
  const masterOf = async (viewer: TestUser) => (await query(viewer, bob)).master_keys[bob.userId];
  t.strictSame(Object.keys((await masterOf(alice)).signatures), [alice.userId]);
  t.strictSame((await masterOf(bob)).signatures, {});
  t.strictSame((await masterOf(carol)).signatures, {});
});

t.test('refuses signatures by keys that may not sign, over other objects, or broken', async (t) => {
  const { identity, keys, userId, deviceId } = alice;
  const other = newSigningKey();
  const broken = { [userId]: { [identity.selfSigning.keyId]: 'AAAA' } };
  const masterKey = identity.body.master_key;
  const cases: readonly (readonly [string, JsonObject, string])[] = [
    [deviceId, signed(keys, alice, other), 'M_INVALID_SIGNATURE'],
    [deviceId, signed(keys, alice, identity.userSigning), 'M_INVALID_SIGNATURE'],
    [deviceId, signed(keys, alice, identity.master), 'M_INVALID_SIGNATURE'],
    [deviceId, { ...keys, signatures: broken }, 'M_INVALID_SIGNATURE'],
    [deviceId, signed({ ...keys, more: 1 }, alice, identity.selfSigning), 'M_INVALID_PARAM'],
    [deviceId, { ...keys, more: 1.5 }, 'M_INVALID_PARAM'],
    [identity.master.publicKey, signed(masterKey, alice, other), 'M_INVALID_SIGNATURE'],
    [identity.selfSigning.publicKey, identity.body.self_signing_key, 'M_NOT_FOUND'],
  ];
  for (const [keyId, object, errcode] of cases) {
    const { status, body } = await uploadSignatures(alice, { [userId]: { [keyId]: object } });
    t.equal(status, 200);
    t.equal(body.failures[userId]?.[keyId]?.errcode, errcode);
  }
  t.match(await uploadSignatures(alice, []), refused(400, 'M_BAD_JSON'));
});

t.test(
  'new device keys lose the signatures on the old ones, and a new master key those on it',
  async (t) => {
    const { userId, deviceId, key, identity } = alice;
    await post(alice, '/keys/upload', { device_keys: makeDeviceKeys(alice, key, { new: true }) });
    const { device_keys } = await query(bob, alice);
    t.strictSame(Object.keys(device_keys[userId][deviceId].signatures[userId]), [
      `ed25519:${deviceId}`,
    ]);
    const { body } = newIdentity(userId);
    const { session } = (await uploadKeys(alice, body)).body;
    t.equal((await uploadKeys(alice, withAuth(body, session))).status, 200);
    const rows = await server.context.db.sql
      .selectFrom('key_signatures')
      .select('signed_key')
      .where('signer_user_id', '=', userId)
      .execute();
    t.strictSame(rows, [], 'also those made with the old keys');
    t.notOk(JSON.stringify(await query(alice, alice)).includes(identity.master.publicKey));
  },
);

t.test('no device is called like a cross-signing key of its user', async (t) => {
  const { keys } = (await query(alice, alice)).master_keys[alice.userId];
  const publicKey = Object.keys(keys)[0]?.slice('ed25519:'.length) ?? '';
  t.ok(publicKey);
  const login = (device_id: string) =>
    server.request('POST', `${v3}/login`, {
      body: {
        type: 'm.login.password',
        identifier: { type: 'm.id.user', user: 'alice' },
        password,
        device_id,
      },
    });
  t.match(await login(publicKey), { status: 400, body: { errcode: 'M_INVALID_PARAM' } });
  t.equal((await login('ORDINARY')).status, 200);
});
