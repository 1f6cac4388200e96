import { Candor, type Verification, type VerificationPhase } from '@candor/client-sdk';
import { MsgType, Preset } from 'matrix-js-sdk';
import {
  CryptoEvent,
  type VerificationRequest,
  VerifierEvent,
} from 'matrix-js-sdk/lib/crypto-api/index.js';
import { VerificationMethod } from 'matrix-js-sdk/lib/types.js';
import t, { type Test } from 'tap';
import { startDeployment } from '../deployment.ts';
import type { Account } from '../register-account.ts';
import { type SdkClient, startSdkClient } from './js-sdk-client.ts';
import { waitUntil } from './wait-until.ts';

const passwordAuth = ({ userId, password }: Account) => ({
  type: 'm.login.password',
  identifier: { type: 'm.id.user', user: userId },
  password,
});

/** Somebody with matrix-js-sdk who has cross-signing keys. */
const startJs = async (t: Test, account: Account): Promise<SdkClient> => {
  const js = await startSdkClient(account);
  t.teardown(js.stop);
  await cryptoOf(js).bootstrapCrossSigning({
    authUploadDeviceSigningKeys: async (request) => {
      await request(passwordAuth(account));
    },
  });
  return js;
};

const startCandor = async (t: Test, account: Account): Promise<Candor> => {
  const { url: homeserver, userId: user, password } = account;
  const candor = await Candor.login({ homeserver, user, password, store: 'memory' });
  t.teardown(() => candor.stop());
  await candor.start();
  return candor;
};

const cryptoOf = ({ client }: SdkClient) => {
  const crypto = client.getCrypto();
  if (!crypto) throw new Error('matrix-js-sdk has no cryptography');
  return crypto;
};

/** A room with Megolm, because of which matrix-js-sdk keeps our user's keys. */
const meet = async (candor: Candor, { client }: SdkClient) => {
  const { room_id: roomId } = await client.createRoom({
    preset: Preset.TrustedPrivateChat,
    invite: [candor.userId],
    initial_state: [
      {
        type: 'm.room.encryption',
        state_key: '',
        content: { algorithm: 'm.megolm.v1.aes-sha2' },
      },
    ],
  });
  await waitUntil('the invite', () => candor.room(roomId).membership === 'invite');
  await candor.room(roomId).join();
  await waitUntil(
    'the join',
    () => client.getRoom(roomId)?.getMember(candor.userId)?.membership === 'join',
  );
  await client.sendMessage(roomId, { msgtype: MsgType.Text, body: 'hello' });
};

const reaches = (verification: Verification, phase: VerificationPhase) =>
  waitUntil(`our side to be ${phase}`, () => {
    if (verification.phase === phase) return true;
    if (verification.phase !== 'cancelled') return false;
    throw new Error(`cancelled: ${JSON.stringify(verification.cancellation)}`);
  });

const isReady = (request: VerificationRequest) =>
  waitUntil('matrix-js-sdk to be ready', () => request.phase === 3);

/** Both sides of a verification, both ready. */
type Ready = { readonly ours: Verification; readonly theirs: VerificationRequest };

const weAsk = async (candor: Candor, js: SdkClient): Promise<Ready> => {
  const asked = new Promise<VerificationRequest>((resolve) =>
    js.client.once(CryptoEvent.VerificationRequestReceived, resolve),
  );
  const ours = await candor.verifications.request(js.client.getSafeUserId());
  const theirs = await asked;
  await theirs.accept();
  await reaches(ours, 'ready');
  return { ours, theirs };
};

const theyAsk = async (candor: Candor, js: SdkClient): Promise<Ready> => {
  const asked = new Promise<Verification>((resolve) => candor.once('verification', resolve));
  const theirs = await cryptoOf(js).requestDeviceVerification(candor.userId, candor.deviceId);
  const ours = await asked;
  ours.accept();
  await isReady(theirs);
  return { ours, theirs };
};

/** Compares emoji and numbers, and confirms on both sides. */
const compare = async (t: Test, { ours, theirs }: Ready, starter: 'we' | 'they') => {
  if (starter === 'they') await theirs.startVerification(VerificationMethod.Sas);
  else ours.startSas();
  const verifier = await waitUntil('the verifier', () => theirs.verifier);
  const verified = verifier.verify();
  const shown = await waitUntil('the emoji', () => verifier.getShowSasCallbacks());
  await reaches(ours, 'comparing');
  t.same(
    ours.emoji?.map(({ emoji, name }) => [emoji, name]),
    shown.sas.emoji,
  );
  t.same(ours.decimal, shown.sas.decimal);
  ours.confirm();
  await shown.confirm();
  await verified;
  t.equal(await ours.finished, 'verified');
};

/** We show a code, matrix-js-sdk scans it, and we confirm that it did. */
const theyScan = async (t: Test, { ours, theirs }: Ready) => {
  const verifier = await theirs.scanQRCode(new Uint8ClampedArray(ours.qrCode ?? []));
  const verified = verifier.verify();
  await reaches(ours, 'scanned');
  ours.confirm();
  await verified;
  t.equal(await ours.finished, 'verified');
};

/** Both say that the other user is verified. */
const bothAreVerified = async (t: Test, candor: Candor, js: SdkClient) => {
  t.equal(candor.trustOf(js.client.getSafeUserId()), 'verified');
  await waitUntil('matrix-js-sdk to have signed our user', async () => {
    const status = await cryptoOf(js).getUserVerificationStatus(candor.userId);
    return status.isCrossSigningVerified();
  });
  const { userId, deviceId } = candor;
  const device = await cryptoOf(js).getDeviceVerificationStatus(userId, deviceId);
  t.equal(device?.crossSigningVerified, true);
};

t.setTimeout(300_000);
await t.test('verification between this SDK and matrix-js-sdk', async (t) => {
  const pair = await startDeployment();
  t.teardown(pair.stop);
  let people = 0;
  const couple = async (t: Test): Promise<[Candor, SdkClient]> => {
    people += 1;
    const candor = await startCandor(t, await pair.servers[0].register(`ours${people}`));
    const js = await startJs(t, await pair.other.register(`theirs${people}`));
    await meet(candor, js);
    return [candor, js];
  };

  for (const asks of ['we', 'they'] as const) {
    for (const starts of ['we', 'they'] as const) {
      await t.test(`emoji: ${asks} ask, ${starts} start`, async (t) => {
        const [candor, js] = await couple(t);
        const ready = await (asks === 'we' ? weAsk : theyAsk)(candor, js);
        await compare(t, ready, starts);
        await bothAreVerified(t, candor, js);
      });
    }
  }

  await t.test('we show a code, matrix-js-sdk scans it', async (t) => {
    const [candor, js] = await couple(t);
    await theyScan(t, await weAsk(candor, js));
    await bothAreVerified(t, candor, js);
  });

  await t.test('matrix-js-sdk shows a code, we scan it', async (t) => {
    const [candor, js] = await couple(t);
    const { ours, theirs } = await theyAsk(candor, js);
    const code = await theirs.generateQRCode();
    t.equal(ours.scan(new Uint8Array(code ?? [])), 'taken');
    const verifier = await waitUntil('the verifier', () => theirs.verifier);
    const asked = new Promise<{ confirm(): void }>((resolve) =>
      verifier.on(VerifierEvent.ShowReciprocateQr, resolve),
    );
    const verified = verifier.verify();
    (verifier.getReciprocateQrCodeCallbacks() ?? (await asked)).confirm();
    await verified;
    t.equal(await ours.finished, 'verified');
    await bothAreVerified(t, candor, js);
  });

  await t.test('both clients of one user: our device is signed by matrix-js-sdk', async (t) => {
    const account = await pair.servers[0].register('one');
    const js = await startJs(t, account);
    const candor = await startCandor(t, account);
    const own = () =>
      candor.devicesOf(candor.userId).find(({ deviceId }) => deviceId === candor.deviceId);
    t.not(own()?.trusted, true);
    const ready = await weAsk(candor, js);
    await compare(t, ready, 'they');
    await waitUntil('the signature', () => own()?.trusted);
    t.equal(candor.trustOf(candor.userId), 'verified');
    await bothAreVerified(t, candor, js);
  });

  await t.test('and the other way round, by a code', async (t) => {
    const account = await pair.servers[0].register('two');
    const candor = await startCandor(t, account);
    const js = await startSdkClient(account);
    t.teardown(js.stop);
    await waitUntil('the other device', () => candor.devicesOf(candor.userId).length === 2);
    await theyScan(t, await weAsk(candor, js));
    await waitUntil('our signature of the other device', async () => {
      await cryptoOf(js).getUserDeviceInfo([account.userId], true);
      const status = await cryptoOf(js).getDeviceVerificationStatus(
        account.userId,
        js.client.getDeviceId() ?? '',
      );
      return status?.signedByOwner;
    });
  });
});

// matrix-js-sdk leaves timers of minutes behind, which would keep the process.
t.end();
process.exit(t.passing() ? 0 : 1);
