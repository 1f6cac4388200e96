import { Candor } from '@candor/client-sdk';
import { createClient } from 'matrix-js-sdk';
import {
  decodeRecoveryKey,
  deriveRecoveryKeyFromPassphrase,
} from 'matrix-js-sdk/lib/crypto-api/index.js';
import t, { type Test } from 'tap';
import { startDeployment } from '../deployment.ts';
import type { Account } from '../register-account.ts';
import { silent, startSdkClient } from './js-sdk-client.ts';
import { waitUntil } from './wait-until.ts';

/** A new device of an account with our SDK, which publishes its keys and does not sync. */
const ours = async (t: Test, { url, userId, password }: Account): Promise<Candor> => {
  const client = await Candor.login({ homeserver: url, user: userId, password, store: 'memory' });
  t.teardown(() => client.stop());
  return client;
};

/** A new device of an account with matrix-js-sdk, syncing. */
const theirs = async (
  t: Test,
  { url, userId, password }: Account,
  key: Uint8Array<ArrayBuffer>,
) => {
  const login = await createClient({ baseUrl: url, logger: silent }).loginRequest({
    type: 'm.login.password',
    identifier: { type: 'm.id.user', user: userId },
    password,
  });
  const { access_token: accessToken, device_id: deviceId } = login;
  const started = await startSdkClient({ url, userId, accessToken, deviceId }, key);
  t.teardown(started.stop);
  const crypto = started.client.getCrypto();
  if (!crypto) throw new Error('matrix-js-sdk has no crypto');
  return { ...started, crypto, deviceId };
};

t.setTimeout(300_000);
await t.test('secret storage between our SDK and matrix-js-sdk', async (t) => {
  const pair = await startDeployment();
  t.teardown(pair.stop);
  const [server] = pair.servers;

  t.test('matrix-js-sdk signs its device with what we wrote', async (t) => {
    const account = await server.register('alice');
    const alice = await ours(t, account);
    const written = await alice.recovery.create({ passphrase: 'correct horse' });
    await alice.recovery.archive.enable();
    const key = decodeRecoveryKey(written);
    const { client, crypto, deviceId } = await theirs(t, account, key);
    t.equal(await client.secretStorage.hasKey(), true);
    const [keyId, info] = (await client.secretStorage.getKey()) ?? [];
    t.ok(keyId && info);
    if (!info) return;
    t.equal(await client.secretStorage.checkKey(key, info), true);
    t.equal(await client.secretStorage.checkKey(new Uint8Array(32), info), false);
    const { salt = '', iterations = 0 } = info.passphrase ?? {};
    const derived = await deriveRecoveryKeyFromPassphrase('correct horse', salt, iterations);
    t.same(Buffer.from(derived), Buffer.from(key), 'the passphrase gives the same key');
    const names = ['master', 'self_signing', 'user_signing'] as const;
    for (const name of names) {
      const secret = await client.secretStorage.get(`m.cross_signing.${name}`);
      t.equal(Buffer.from(secret ?? '', 'base64').length, 32, name);
    }
    await crypto.bootstrapCrossSigning({});
    t.equal(await crypto.isCrossSigningReady(), true);
    // Its own device, and ours as one of the same owner.
    for (const id of [deviceId, alice.deviceId]) {
      const status = await waitUntil(`the signature of ${id}`, async () => {
        await crypto.getUserDeviceInfo([account.userId], true);
        const seen = await crypto.getDeviceVerificationStatus(account.userId, id);
        return seen?.signedByOwner ? seen : undefined;
      });
      t.equal(status.crossSigningVerified, true);
    }
  });

  t.test('our device is signed with what matrix-js-sdk wrote', async (t) => {
    const account = await server.register('bob');
    const written = { text: '' };
    const key = new Uint8Array(32);
    const { client, crypto, deviceId } = await theirs(t, account, key);
    await crypto.bootstrapCrossSigning({
      authUploadDeviceSigningKeys: async (makeRequest) => {
        await makeRequest({
          type: 'm.login.password',
          identifier: { type: 'm.id.user', user: account.userId },
          password: account.password,
        });
      },
    });
    await crypto.bootstrapSecretStorage({
      setupNewKeyBackup: true,
      createSecretStorageKey: async () => {
        const made = await crypto.createRecoveryKeyFromPassphrase('battery staple');
        key.set(made.privateKey);
        written.text = made.encodedPrivateKey ?? '';
        return made;
      },
    });
    await waitUntil('the secrets', async () =>
      (await client.secretStorage.isStored('m.cross_signing.user_signing')) ? true : undefined,
    );
    const before = await client.getAccountDataFromServer('m.megolm_backup.v1');

    for (const typed of [written.text, 'battery staple']) {
      const bob = await ours(t, account);
      t.equal(await bob.recovery.exists(), true);
      await t.rejects(bob.recovery.unlock('battery stable'), { code: 'wrong-recovery-key' });
      t.equal(bob.exportIdentity('nothing yet'), undefined);
      t.same(await bob.recovery.unlock(typed), { identity: true, archive: false });
      t.equal(bob.trustOf(account.userId), 'verified');
      const own = bob.devicesOf(account.userId).find((one) => one.deviceId === bob.deviceId);
      t.equal(own?.trusted, true);
      // Theirs has no Signal keys, so nothing is encrypted to it.
      t.equal(
        bob.devicesOf(account.userId).find((one) => one.deviceId === deviceId)?.trusted,
        false,
      );
      await t.rejects(bob.recovery.archive.enable(), { code: 'foreign-backup' });
      const status = await waitUntil('our signature', async () => {
        await crypto.getUserDeviceInfo([account.userId], true);
        const seen = await crypto.getDeviceVerificationStatus(account.userId, bob.deviceId);
        return seen?.signedByOwner ? seen : undefined;
      });
      t.equal(status.crossSigningVerified, true, 'and matrix-js-sdk sees it so');
    }
    t.same(await client.getAccountDataFromServer('m.megolm_backup.v1'), before);
  });
});

// matrix-js-sdk leaves timers of minutes behind, which would keep the process.
t.end();
process.exit(t.passing() ? 0 : 1);
