import { clientServer } from '@candor/spec';
import { callOperation } from '../../call-operation.ts';
import { withPeople } from '../../cast.ts';
import { check } from '../../check.ts';
import type { Deployment } from '../../deployment.ts';
import { joinAsPeer } from '../../peer/peer-in-room.ts';
import { startScriptedPeer } from '../../peer/scripted-peer.ts';
import type { Account } from '../../register-account.ts';
import { sendRequest } from '../../send-request.ts';

type SeenEvent = { readonly type: string; readonly room_id: string; readonly state_key?: string };

/** What may cross without `m.room.encrypted`: it is no content of messages. */
const clearTypes = new Set(['m.room.encrypted', 'm.room.redaction', 'm.reaction']);

/** Every event in a JSON value, wherever it is. */
const eventsIn = (value: unknown): SeenEvent[] => {
  if (typeof value !== 'object' || value === null) return [];
  const inside = Object.values(value).flatMap(eventsIn);
  const isEvent = 'type' in value && 'room_id' in value && 'content' in value && 'sender' in value;
  return isEvent ? [value as SeenEvent, ...inside] : inside;
};

const parse = (bytes: Buffer): unknown => {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
};

const crossedEvents = ({ captured }: Deployment): SeenEvent[] =>
  captured.flatMap(({ body, answer }) => [...eventsIn(parse(body)), ...eventsIn(parse(answer))]);

const refusedCount = async (url: string): Promise<number> => {
  const { bytes } = await sendRequest(`${url}/metrics`);
  const line = /^candor_federation_plaintext_total (\d+)$/m.exec(bytes.toString());
  if (!line) throw new Error('/metrics does not count plaintext of other servers');
  return Number(line[1]);
};

const timelineIds = async (reader: Account, roomId: string): Promise<string[]> => {
  const query = { dir: 'b', limit: '100' };
  const page = await callOperation(reader, clientServer.getRoomEvents, {
    params: { roomId },
    query,
  });
  return page.chunk.map((event) => event.event_id);
};

const openEncryptedRoom = async (owner: Account): Promise<string> => {
  const content = { algorithm: 'dev.candor.signal.senderkey.v1' };
  const body = {
    preset: 'public_chat',
    initial_state: [{ type: 'm.room.encryption', state_key: '', content }],
  };
  return (await callOperation(owner, clientServer.createRoom, { body })).room_id;
};

const joinFrom = async (account: Account, roomId: string, via: string): Promise<void> => {
  const parts = { params: { roomIdOrAlias: roomId }, query: { via }, body: {} };
  await callOperation(account, clientServer.joinRoom, parts);
};

const untilShown = async (reader: Account, roomId: string, eventId: string): Promise<void> => {
  const deadlineMs = performance.now() + 100_000;
  let since: string | undefined;
  while (!(await timelineIds(reader, roomId)).includes(eventId)) {
    if (performance.now() > deadlineMs)
      throw new Error(`${eventId} did not reach ${reader.userId}`);
    // The next body of a sync is worth another look.
    const query: Record<string, string> = since === undefined ? {} : { since, timeout: '1000' };
    since = (await callOperation(reader, clientServer.sync, { query })).next_batch;
  }
};

export const federationCiphertext = check({
  id: 'federation-ciphertext',
  run: async ({ subject, ownStep }) => {
    await ownStep(
      'messages of encrypted rooms cross as m.room.encrypted only',
      'it captures the traffic',
      async (own) => {
        const roomIds: string[] = [];
        await withPeople(subject, ['alice', 'bob'], async ([alice, bob]) => {
          const direct = await alice.client.directRoom(bob.userId);
          const group = await alice.client.createGroup({ invite: [bob.userId] });
          for (const room of [direct, group]) {
            const bobs = await bob.enters(room.id);
            await room.send(`to ${room.id}`);
            await bob.reads(`to ${room.id}`);
            await bobs.send(`back to ${room.id}`);
            await alice.reads(`back to ${room.id}`);
            roomIds.push(room.id);
          }
        });
        const messages = crossedEvents(own).filter(
          ({ room_id: roomId, state_key: stateKey }) =>
            roomIds.includes(roomId) && stateKey === undefined,
        );
        const clear = messages.find(({ type }) => !clearTypes.has(type));
        if (clear) throw new Error(`an event of type ${clear.type} crossed in the clear`);
        if (messages.length < 4) throw new Error(`only ${messages.length} messages crossed`);
        return `${messages.length} messages of ${roomIds.length} rooms in ${own.captured.length} requests`;
      },
    );

    await ownStep(
      'plaintext of another server is soft-failed, counted and not passed on',
      'it speaks as another server',
      async (own) => {
        const [first] = own.servers;
        const alice = await subject.register('alice');
        const bob = await own.other.register(`bob-${Date.now().toString(36)}`);
        const peer = await startScriptedPeer(own.authority);
        try {
          const roomId = await openEncryptedRoom(alice);
          await joinFrom(bob, roomId, first.serverName);
          const mallory = await joinAsPeer(peer, first, roomId, 'mallory');
          const before = await refusedCount(alice.url);
          const plain = mallory.make({ content: { msgtype: 'm.text', body: 'in the clear' } });
          const sealed = mallory.make({
            type: 'm.room.encrypted',
            content: { algorithm: 'dev.candor.signal.senderkey.v1', ciphertext: 'AAAA' },
          });
          await mallory.send([plain]);
          await mallory.send([sealed]);
          await untilShown(alice, roomId, sealed.eventId);
          if ((await timelineIds(alice, roomId)).includes(plain.eventId))
            throw new Error('it is shown');
          const counted = (await refusedCount(alice.url)) - before;
          if (counted !== 1) throw new Error(`it was counted ${counted} times`);
          const { event_id: next } = await callOperation(alice, clientServer.sendMessage, {
            params: { roomId, eventType: 'm.room.encrypted', txnId: 'after' },
            body: { algorithm: 'dev.candor.signal.senderkey.v1', ciphertext: 'BBBB' },
          });
          await untilShown(bob, roomId, next);
          if ((await timelineIds(bob, roomId)).includes(plain.eventId))
            throw new Error('it was passed on');
          return `${plain.eventId} is neither shown nor passed on, ${sealed.eventId} is shown`;
        } finally {
          await peer.close();
        }
      },
    );
  },
});
