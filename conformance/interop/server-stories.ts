import { randomBytes } from 'node:crypto';
import type { Test } from 'tap';
import { sendRequest } from '../send-request.ts';
import type { ClientEvent, Person } from './person.ts';
import { waitUntil } from './wait-until.ts';

/** Two people of different homeservers in one room. */
export type Pair = { readonly teller: Person; readonly listener: Person; readonly roomId: string };

const profile = async (t: Test, { teller, listener }: Pair) => {
  const path = (rest: string) => `/v3/profile/${encodeURIComponent(teller.userId)}${rest}`;
  const displayname = `${teller.userId} the Great`;
  await teller.call('PUT', path('/displayname'), { displayname });
  t.match(await listener.call('GET', path('')), { displayname });
  await t.rejects(
    listener.call('GET', `/v3/profile/${encodeURIComponent(`@nobody:${teller.serverName}`)}`),
    /404 .*M_NOT_FOUND/,
  );
};

type PublicRooms = { chunk: { room_id: string; name?: string; num_joined_members: number }[] };

const directory = async (t: Test, { teller, listener }: Pair) => {
  const name = `Directory of ${teller.serverName}`;
  const alias = `#listed:${teller.serverName}`;
  const roomId = await teller.createRoom({
    preset: 'public_chat',
    visibility: 'public',
    room_alias_name: 'listed',
    name,
  });
  const found = await listener.call('GET', `/v3/directory/room/${encodeURIComponent(alias)}`);
  t.match(found, { room_id: roomId, servers: [teller.serverName] });
  const server = encodeURIComponent(teller.serverName);
  const listed = await waitUntil('the room in the list of the other server', async () =>
    (
      await listener.call<PublicRooms>('POST', `/v3/publicRooms?server=${server}`, {
        filter: { generic_search_term: 'Directory' },
      })
    ).chunk.find((room) => room.room_id === roomId),
  );
  t.match(listed, { name, num_joined_members: 1, canonical_alias: alias });
};

const messagesBefore = 120;

type Page = { chunk: ClientEvent[]; end?: string };

const history = async (t: Test, { teller, listener }: Pair) => {
  const roomId = await teller.createRoom({ preset: 'public_chat' });
  const said: string[] = [];
  for (let turn = 0; turn < messagesBefore; turn += 1) {
    said.unshift(await teller.send(roomId, `${turn} before you came`));
  }
  const server = encodeURIComponent(teller.serverName);
  const room = encodeURIComponent(roomId);
  await listener.call('POST', `/v3/join/${room}?via=${server}&server_name=${server}`, {});
  const read: ClientEvent[] = [];
  for (let from = ''; ; ) {
    const path = `/v3/rooms/${room}/messages?dir=b&limit=30${from}`;
    const { chunk, end } = await listener.call<Page>('GET', path);
    read.push(...chunk);
    if (end === undefined || chunk.some(({ type }) => type === 'm.room.create')) break;
    from = `&from=${encodeURIComponent(end)}`;
  }
  const messages = read.filter(({ type }) => type === 'm.room.message');
  t.same(
    messages.map(({ event_id: id }) => id),
    said,
    'every message once, in order',
  );
};

type Hierarchy = { rooms: { room_id: string; name?: string }[] };

const space = async (t: Test, { teller, listener }: Pair) => {
  const spaceId = await teller.createRoom({
    preset: 'public_chat',
    name: 'Library',
    creation_content: { type: 'm.space' },
  });
  const childId = await teller.createRoom({ preset: 'public_chat', name: 'Reading room' });
  const via = encodeURIComponent(teller.serverName);
  const child = `/v3/rooms/${encodeURIComponent(spaceId)}/state/m.space.child/${encodeURIComponent(childId)}`;
  await teller.call('PUT', child, { via: [teller.serverName] });
  const space = encodeURIComponent(spaceId);
  await listener.call('POST', `/v3/join/${space}?via=${via}&server_name=${via}`, {});
  const { rooms } = await listener.call<Hierarchy>('GET', `/v1/rooms/${space}/hierarchy`);
  t.match(rooms, [
    { room_id: spaceId, name: 'Library' },
    { room_id: childId, name: 'Reading room' },
  ]);
};

const media = async (t: Test, { teller, listener }: Pair) => {
  const bytes = randomBytes(70_000);
  const uploaded = await sendRequest(`${teller.url}/_matrix/media/v3/upload?filename=noise.bin`, {
    method: 'POST',
    token: teller.accessToken,
    body: bytes,
    headers: { 'content-type': 'application/octet-stream' },
  });
  t.equal(uploaded.status, 200);
  const { content_uri: uri } = uploaded.json as { content_uri: string };
  const url = `${listener.url}/_matrix/client/v1/media/download/${uri.slice('mxc://'.length)}`;
  const got = await sendRequest(url, { token: listener.accessToken });
  t.equal(got.status, 200);
  t.ok(got.bytes.equals(bytes), 'the same bytes arrive');
};

const ephemeral = async (t: Test, { teller, listener, roomId }: Pair) => {
  const room = `/v3/rooms/${encodeURIComponent(roomId)}`;
  const user = encodeURIComponent(teller.userId);
  const seen = (type: string, isIt: (content: Record<string, unknown>) => unknown) =>
    listener.untilSynced(`${type} of ${teller.userId}`, ({ rooms }) =>
      rooms?.join?.[roomId]?.ephemeral?.events?.some(
        (event) => event.type === type && isIt(event.content),
      ),
    );
  await teller.call('PUT', `${room}/typing/${user}`, { typing: true, timeout: 30_000 });
  await seen('m.typing', ({ user_ids: ids }) => (ids as string[]).includes(teller.userId));
  const eventId = await listener.send(roomId, 'have you read this?');
  await teller.untilSeen(roomId, eventId);
  await teller.act(roomId, `/receipt/m.read/${encodeURIComponent(eventId)}`);
  await seen('m.receipt', (content) =>
    JSON.stringify(content[eventId] ?? '').includes(teller.userId),
  );
  await teller.call('PUT', `/v3/presence/${user}/status`, {
    presence: 'online',
    status_msg: 'reading',
  });
  await listener.untilSynced(`presence of ${teller.userId}`, ({ presence }) =>
    presence?.events?.some(
      ({ sender, content }) => sender === teller.userId && content['status_msg'] === 'reading',
    ),
  );
  t.pass('typing, a receipt and presence came across');
};

const devices = async (t: Test, { teller, listener }: Pair) => {
  const { userId, deviceId } = teller;
  const device_keys = {
    user_id: userId,
    device_id: deviceId,
    algorithms: ['m.megolm.v1.aes-sha2'],
    keys: { [`ed25519:${deviceId}`]: randomBytes(32).toString('base64').replaceAll('=', '') },
    signatures: { [userId]: { [`ed25519:${deviceId}`]: 'A'.repeat(86) } },
  };
  const oneTime = { key: 'B'.repeat(43), signatures: device_keys.signatures };
  await teller.call('POST', '/v3/keys/upload', {
    device_keys,
    one_time_keys: { 'signed_curve25519:AAAA': oneTime },
  });
  type Queried = { device_keys: Record<string, Record<string, unknown>> };
  const asked = { device_keys: { [userId]: [] } };
  const keys = await waitUntil(`the device of ${userId}`, async () => {
    const answer = await listener.call<Queried>('POST', '/v3/keys/query', asked);
    return answer.device_keys[userId]?.[deviceId];
  });
  t.match(keys, device_keys);
  const claim = { one_time_keys: { [userId]: { [deviceId]: 'signed_curve25519' } } };
  t.match(await listener.call('POST', '/v3/keys/claim', claim), {
    one_time_keys: { [userId]: { [deviceId]: { 'signed_curve25519:AAAA': oneTime } } },
  });
  const path = `/_matrix/client/v3/sendToDevice/org.example.note/${deviceId}`;
  const note = (txn: string, message: object) =>
    sendRequest(`${teller.url}${path}${txn}`, {
      method: 'PUT',
      token: teller.accessToken,
      body: { messages: { [listener.userId]: { [listener.deviceId]: message } } },
    });
  // Canonical JSON knows no floats: one homeserver refuses them, the other signs them as it writes them.
  const deep = JSON.parse(`${'['.repeat(400)}${']'.repeat(400)}`);
  for (const [name, odd] of Object.entries({ floats: [0.5, 1e-7, 1e300], deep })) {
    const { status } = await note(name, { odd });
    t.ok([200, 400].includes(status), `a message that few can sign is sent or refused: ${name}`);
  }
  const message = { secret: `for ${listener.userId}` };
  t.equal((await note('', message)).status, 200);
  const received = await listener.untilSynced('the to-device message', (sync) =>
    sync.to_device?.events?.find(({ content }) => content['secret']),
  );
  t.match(received, { sender: userId, content: message });
};

/** What one homeserver tells the other outside the rooms' events. */
export const tellServerStories = async (t: Test, pair: Pair): Promise<void> => {
  await t.test('a profile', (t) => profile(t, pair));
  await t.test('an alias and the public rooms', (t) => directory(t, pair));
  await t.test('a long history', (t) => history(t, pair));
  await t.test('a space with a room that the reader is not in', (t) => space(t, pair));
  await t.test('media', (t) => media(t, pair));
  await t.test('typing, receipts and presence', (t) => ephemeral(t, pair));
  await t.test('device keys, one-time keys and to-device messages', (t) => devices(t, pair));
};
