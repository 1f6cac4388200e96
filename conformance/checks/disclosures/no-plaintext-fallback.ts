import { clientServer } from '@candor/spec';
import { callOperation, demandRefusal } from '../../call-operation.ts';
import { withPeople } from '../../cast.ts';
import { check, demand } from '../../check.ts';
import { match } from '../../match.ts';
import { type Lie, startLyingProxy } from '../../peer/lying-proxy.ts';
import type { Account } from '../../register-account.ts';
import { roomEvents } from '../../room-events.ts';
import { sendRequest } from '../../send-request.ts';
import { signInTalker } from '../../talker.ts';

const encryption = { algorithm: 'dev.candor.signal.senderkey.v1' };
const forbidden = { status: 403, errcode: 'M_FORBIDDEN' };

const openEncryptedRoom = async (owner: Account): Promise<string> => {
  const initial = { type: 'm.room.encryption', state_key: '', content: encryption };
  const body = { preset: 'private_chat', initial_state: [initial] };
  return (await callOperation(owner, clientServer.createRoom, { body })).room_id;
};

const demandPlaintextRefused = (
  sender: Account,
  roomId: string,
  eventType: string,
): Promise<void> => {
  const params = { roomId, eventType, txnId: `plain-${eventType}` };
  const body = { msgtype: 'm.text', body: 'in the clear' };
  return demandRefusal(sender, clientServer.sendMessage, { params, body }, forbidden);
};

/** Whether an attempt is refused or taken, the room has to stay encrypted. */
const tryPut = async (
  owner: Account,
  roomId: string,
  rest: string,
  body: object,
): Promise<void> => {
  const path = `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/${rest}`;
  await sendRequest(owner.url + path, { method: 'PUT', token: owner.accessToken, body });
};

const setEncryption =
  (body: object) =>
  (owner: Account, roomId: string): Promise<void> =>
    tryPut(owner, roomId, 'state/m.room.encryption/', body);

const redactEncryption = async (owner: Account, roomId: string): Promise<void> => {
  const state = await callOperation(owner, clientServer.getRoomState, { params: { roomId } });
  const event = state.find(({ type }) => type === 'm.room.encryption');
  await tryPut(owner, roomId, `redact/${encodeURIComponent(event?.event_id ?? '')}/r1`, {});
};

/** Ways in which somebody with all the power in a room may try to make it clear. */
const attempts = [
  setEncryption({}),
  setEncryption({ algorithm: '' }),
  setEncryption({ algorithm: 'none' }),
  redactEncryption,
];

/** A value without any trace of `m.room.encryption`. */
const withoutEncryption = (value: unknown): unknown => {
  if (Array.isArray(value))
    return value
      .filter((one) => (one as { type?: unknown } | null)?.type !== 'm.room.encryption')
      .map(withoutEncryption);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key, withoutEncryption(one)]),
  );
};

/** Says of every room that it is not encrypted. */
const denyEncryption: Lie = ({ path }, { status, json }) => {
  if (/\/state\/m\.room\.encryption/.test(path))
    return { status: 404, json: { errcode: 'M_NOT_FOUND', error: 'no such state' } };
  return json === undefined ? undefined : { status, json: withoutEncryption(json) };
};

/** Pushes a state into every sync that switches encryption off. */
const switchOff =
  (roomId: string): Lie =>
  ({ path }, { status, json }) => {
    if (!path.startsWith('/_matrix/client/v3/sync') || typeof json !== 'object') return undefined;
    const event = {
      type: 'm.room.encryption',
      state_key: '',
      sender: '@mallory:example.org',
      event_id: `$off${Math.random().toString(36).slice(2)}`,
      origin_server_ts: Date.now(),
      content: {},
    };
    const body = json as { rooms?: { join?: Record<string, object> } };
    const join = { ...body.rooms?.join };
    join[roomId] = { ...join[roomId], state: { events: [event] }, timeline: { events: [event] } };
    return { status, json: { ...body, rooms: { ...body.rooms, join } } };
  };

export const noPlaintextFallback = check({
  id: 'no-plaintext-fallback',
  run: async ({ subject, step }) => {
    const owner = await subject.register('owner');
    const roomId = await openEncryptedRoom(owner);

    await step('the server refuses plaintext of its own users in an encrypted room', async () => {
      const types = ['m.room.message', 'm.sticker', 'org.example.custom'];
      for (const eventType of types) await demandPlaintextRefused(owner, roomId, eventType);
      await callOperation(owner, clientServer.sendMessage, {
        params: { roomId, eventType: 'm.room.encrypted', txnId: 'sealed' },
        body: { ...encryption, ciphertext: 'AAAA' },
      });
      return `refused: ${types.join(', ')}; accepted: m.room.encrypted`;
    });

    await step('encryption cannot be switched off', async () => {
      for (const attempt of attempts) {
        const room = await openEncryptedRoom(owner);
        await attempt(owner, room);
        await demandPlaintextRefused(owner, room, 'm.room.message');
      }
      return 'not by empty content, no algorithm, an unknown one, or redaction: plaintext stays refused';
    });

    await step('the SDK encrypts whatever the server answers', () =>
      withPeople(subject, ['bob'], async ([bob], { folder }) => {
        const account = await subject.register('alice');
        const proxy = await startLyingProxy(account.url);
        const place = { ...account, url: proxy.url };
        const alice = await signInTalker(place, { name: 'alice', folder });
        try {
          const room = await alice.client.directRoom(bob.userId);
          await bob.enters(room.id);
          await room.send('while the server is honest');
          await bob.reads('while the server is honest');
          const lies: readonly Lie[] = [denyEncryption, switchOff(room.id)];
          for (const [index, lie] of lies.entries()) {
            proxy.lie = lie;
            await alice.stop();
            await alice.start();
            // Refusing to send would do as well; sending in the clear would not.
            await alice.client
              .room(room.id)
              .send(`lie ${index}`)
              .catch(() => undefined);
          }
          const sent = proxy.asked.filter(({ path }) => /\/rooms\/[^/]+\/send\//.test(path));
          const clear = sent.find(({ path }) => !path.includes('/send/m.room.encrypted/'));
          if (clear) throw new Error(`${clear.path} was sent: ${JSON.stringify(clear.body)}`);
          for (const event of await roomEvents(account, room.id))
            demand(match(event.type, 'm.room.encrypted', 'a message of the room'));
          if (sent.length === 0) throw new Error('nothing was sent at all');
        } finally {
          await alice.stop();
          await proxy.close();
        }
      }).then(() => 'with encryption denied, and with a state event that switches it off'),
    );
  },
});
