import { createClient, EventType, MsgType, Preset } from 'matrix-js-sdk';
import { decodeRecoveryKey } from 'matrix-js-sdk/lib/crypto-api/index.js';
import t from 'tap';
import { startDeployment } from '../deployment.ts';
import { silent, startSdkClient } from './js-sdk-client.ts';
import { asPerson } from './person.ts';
import { waitUntil } from './wait-until.ts';

const megolm = {
  type: 'm.room.encryption',
  state_key: '',
  content: { algorithm: 'm.megolm.v1.aes-sha2' },
};

const register = async (url: string, name: string) => {
  const fresh = createClient({ baseUrl: url, logger: silent });
  const password = `password of ${name}`;
  const made = await fresh.register(name, password, null, { type: 'm.login.dummy' });
  const { user_id: userId, access_token: accessToken, device_id: deviceId } = made;
  if (!accessToken || !deviceId) throw new Error('registration gave no session');
  return { url, userId, password, accessToken, deviceId };
};

t.setTimeout(300_000);
await t.test('matrix-js-sdk on two of our servers', { timeout: 300_000 }, async (t) => {
  const pair = await startDeployment({ env: { CANDOR_REGISTRATION: 'open' } });
  t.teardown(pair.stop);
  const alice = await startSdkClient(await register(pair.servers[0].url, 'alice'));
  t.teardown(alice.stop);
  const bob = await startSdkClient(await register(pair.other.url, 'bob'));
  t.teardown(bob.stop);
  const bobId = bob.client.getSafeUserId();

  t.test('a plain room: create, invite across servers, join, send, state, redact', async (t) => {
    const { room_id: roomId } = await alice.client.createRoom({
      preset: Preset.PrivateChat,
      name: 'The library',
      invite: [bobId],
    });
    await waitUntil('the invite', () => bob.client.getRoom(roomId)?.getMyMembership() === 'invite');
    await bob.client.joinRoom(roomId, { viaServers: [pair.servers[0].serverName] });
    await waitUntil('the join', () => bob.client.getRoom(roomId)?.getMyMembership() === 'join');
    t.equal(bob.client.getRoom(roomId)?.name, 'The library');
    await alice.client.sendTextMessage(roomId, 'good evening');
    await waitUntil('the greeting', () => bob.read.includes('good evening'));
    const { event_id: eventId } = await bob.client.sendTextMessage(roomId, 'a slip');
    await waitUntil('the slip', () => alice.read.includes('a slip'));
    await bob.client.redactEvent(roomId, eventId);
    await waitUntil('the redaction', () =>
      alice.client.getRoom(roomId)?.findEventById(eventId)?.isRedacted(),
    );
    await alice.client.setRoomTopic(roomId, 'quiet, please');
    await waitUntil(
      'the topic',
      () =>
        bob.client
          .getRoom(roomId)
          ?.currentState.getStateEvents(EventType.RoomTopic, '')
          ?.getContent()['topic'],
    );
    await bob.client.leave(roomId);
    await waitUntil(
      'the leave',
      () => alice.client.getRoom(roomId)?.getMember(bobId)?.membership === 'leave',
    );
  });

  t.test('an encrypted room: both read what the other wrote in Megolm', async (t) => {
    const { room_id: roomId } = await alice.client.createRoom({
      preset: Preset.TrustedPrivateChat,
      invite: [bobId],
      is_direct: true,
      initial_state: [megolm],
    });
    await waitUntil('the invite', () => bob.client.getRoom(roomId)?.getMyMembership() === 'invite');
    await bob.client.joinRoom(roomId, { viaServers: [pair.servers[0].serverName] });
    await waitUntil(
      'the join at the other server',
      () => alice.client.getRoom(roomId)?.getMember(bobId)?.membership === 'join',
    );
    await waitUntil('the encryption', () => bob.client.getRoom(roomId)?.hasEncryptionStateEvent());
    const say = (who: typeof alice, body: string) =>
      who.client.sendMessage(roomId, { msgtype: MsgType.Text, body });
    await say(alice, 'the key is under the mat');
    await waitUntil('the secret', () => bob.read.includes('the key is under the mat'));
    await say(bob, 'I will move it');
    await waitUntil('the answer', () => alice.read.includes('I will move it'));
    const [event] = bob.client.getRoom(roomId)?.getLiveTimeline().getEvents().slice(-1) ?? [];
    t.equal(event?.getWireType(), 'm.room.encrypted');
  });

  t.test('a device backs its room keys up, a later one reads old messages with them', async (t) => {
    const url = pair.servers[0].url;
    const account = await register(url, 'carol');
    const made = await alice.client.getCrypto()?.createRecoveryKeyFromPassphrase();
    const written = made?.encodedPrivateKey;
    if (!made || !written) throw new Error('no recovery key was made');
    const carol = await startSdkClient(account, decodeRecoveryKey(written));
    t.teardown(carol.stop);
    const crypto = carol.client.getCrypto();
    await crypto?.bootstrapSecretStorage({
      createSecretStorageKey: async () => made,
      setupNewKeyBackup: true,
    });
    const { room_id: roomId } = await carol.client.createRoom({ initial_state: [megolm] });
    await waitUntil('the encryption', () =>
      carol.client.getRoom(roomId)?.hasEncryptionStateEvent(),
    );
    const content = { msgtype: MsgType.Text, body: 'a note to myself' } as const;
    await carol.client.sendMessage(roomId, content);
    const { call } = asPerson(account);
    await waitUntil(
      'the backup of the key',
      async () => (await call('GET', '/v3/room_keys/version'))['count'] === 1,
    );
    carol.stop();

    const login = await createClient({ baseUrl: url, logger: silent }).loginRequest({
      type: 'm.login.password',
      identifier: { type: 'm.id.user', user: 'carol' },
      password: account.password,
    });
    const later = await startSdkClient(
      { ...account, accessToken: login.access_token, deviceId: login.device_id },
      decodeRecoveryKey(written),
    );
    t.teardown(later.stop);
    await waitUntil('the note that cannot be read', () =>
      later.client
        .getRoom(roomId)
        ?.getLiveTimeline()
        .getEvents()
        .some((event) => event.isDecryptionFailure()),
    );
    await later.client.getCrypto()?.loadSessionBackupPrivateKeyFromSecretStorage();
    const restored = await later.client.getCrypto()?.restoreKeyBackup();
    t.match(restored, { imported: 1, total: 1 });
    await waitUntil('the note', () => later.read.includes('a note to myself'));
  });
});

// matrix-js-sdk leaves timers of minutes behind, which would keep the process.
t.end();
process.exit(t.passing() ? 0 : 1);
