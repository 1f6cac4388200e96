import t, { type Test } from 'tap';
import { arrives, person, until } from '../testing/federated-rooms.ts';
import { startTestNetwork } from '../testing/start-network.ts';
import type { TestServer } from '../testing/start-server.ts';

// Who reads what, by every way there is to read it: endpoint × membership × history visibility, on both APIs and on the
// WebSocket. Each time has a word of its own, which is looked for in whole answers, wherever it stands in them.
// https://spec.matrix.org/v1.19/client-server-api/#room-history-visibility

const enc = encodeURIComponent;

/** What is said before anybody is invited, when all are, when some have joined, and when these have gone again. */
const words = ['early', 'asked', 'inside', 'late'] as const;
type Word = (typeof words)[number];

const readers = [
  'stranger',
  'invited',
  'decliner',
  'member',
  'leaver',
  'kicked',
  'banned',
] as const;
type Reader = (typeof readers)[number];
const joiners: readonly Reader[] = ['member', 'leaver', 'kicked', 'banned'];

type Row = Readonly<Record<Reader, readonly Word[]>>;

const gone = (...seen: Word[]) => ({ leaver: seen, kicked: seen, banned: seen });

/** What each may see by the five rules. */
const table: Readonly<Record<string, Row>> = {
  world_readable: {
    ...{ stranger: words, invited: words, decliner: words, member: words },
    ...{ leaver: words, kicked: words, banned: words },
  },
  shared: {
    ...{ stranger: [], invited: [], decliner: [], member: words },
    ...gone('early', 'asked', 'inside'),
  },
  invited: {
    stranger: [],
    invited: ['asked', 'inside', 'late'],
    decliner: ['asked', 'inside'],
    member: ['asked', 'inside', 'late'],
    ...gone('asked', 'inside'),
  },
  joined: {
    ...{ stranger: [], invited: [], decliner: [], member: ['inside', 'late'] },
    ...gone('inside'),
  },
};

const found = (text: string): Word[] => words.filter((word) => text.includes(`${word}-word`));

type Person = Awaited<ReturnType<typeof person>>;

/** A client at its socket: every body that was pushed, as text. */
const listen = async ({ server, accessToken }: Person) => {
  const path = '/_matrix/client/unstable/dev.candor.ws/sync';
  const protocols = ['dev.candor.sync.v1', `dev.candor.access_token.${accessToken}`];
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}${path}`, protocols);
  const heard: string[] = [];
  socket.addEventListener('open', () => socket.send('{}'));
  socket.addEventListener('message', ({ data }) => {
    heard.push(String(data));
    socket.send(JSON.stringify({ ack: JSON.parse(String(data)).next_batch }));
  });
  await until(async () => heard.length > 0);
  return { heard, close: () => socket.close() };
};

/** A message, an answer to the room's first one in a thread, and an edit of that, all with the same word. */
const say = async (owner: Person, roomId: string, word: string, first: string | undefined) => {
  const body = `${word}-word`;
  const text = { msgtype: 'm.text', body };
  const eventId = await owner.send(roomId, 'm.room.message', text);
  const relates = (relType: string) => ({ rel_type: relType, event_id: first ?? eventId });
  const answer = { ...text, 'm.relates_to': relates('m.thread') };
  await owner.send(roomId, 'm.room.message', answer);
  const edit = { ...text, 'm.new_content': text, 'm.relates_to': relates('m.replace') };
  await owner.send(roomId, 'm.room.message', edit);
  return eventId;
};

type Asked = readonly [method: 'GET' | 'POST', path: string, body?: object];

/** What a server is answered: the text of a good answer, or the status of a refusal. */
const asking = (from: TestServer, to: TestServer) => async (asked: Asked) => {
  const [method, way, body] = asked;
  const url = new URL(`/_matrix/federation/v1${way}`, 'https://x');
  const names = new Set(url.searchParams.keys());
  const query = Object.fromEntries([...names].map((name) => [name, url.searchParams.getAll(name)]));
  const content = body && { content: JSON.parse(JSON.stringify(body)) };
  const request = { destination: to.serverName, method, path: url.pathname, query, ...content };
  try {
    const { body } = await from.context.federation.client.request(request);
    return { status: 200, text: JSON.stringify(body) };
  } catch (error) {
    return { status: (error as { readonly status?: number }).status, text: '' };
  }
};

const serverWays = (room: string, eventId: string): readonly Asked[] => [
  ['GET', `/state/${enc(room)}?event_id=${enc(eventId)}`],
  ['GET', `/state_ids/${enc(room)}?event_id=${enc(eventId)}`],
  ['GET', `/event_auth/${enc(room)}/${enc(eventId)}`],
  ['GET', `/backfill/${enc(room)}?v=${enc(eventId)}&limit=100`],
  [
    'POST',
    `/get_missing_events/${enc(room)}`,
    { earliest_events: [], latest_events: [eventId], limit: 100 },
  ],
];

/** A room up to where some are in it, beside another one that nobody here is in. */
const openRoom = async (t: Test, visibility: string) => {
  const [here, there] = await startTestNetwork(t, 2);
  const owner = await person(here, 'owner');
  const guest = await person(there, 'guest');
  const content = { history_visibility: visibility };
  const roomId = await owner.createRoom({
    preset: 'private_chat',
    initial_state: [{ type: 'm.room.history_visibility', state_key: '', content }],
  });
  const otherRoomId = await owner.createRoom({ preset: 'private_chat' });
  const otherId = await owner.say(otherRoomId, 'other-room-word');
  const path = `/rooms/${enc(roomId)}`;
  const clients = new Map<
    Reader,
    Person & { socket: Awaited<ReturnType<typeof listen>>; since: string }
  >();
  for (const name of readers) {
    const one = await person(here, name);
    const socket = await listen(one);
    clients.set(name, { ...one, socket, since: (await one.insist('GET', '/sync')).next_batch });
  }
  t.teardown(() => {
    for (const { socket } of clients.values()) socket.close();
  });
  const of = (reader: Reader) => {
    const one = clients.get(reader);
    if (one) return one;
    throw new Error(`nobody is ${reader}`);
  };
  const ids = new Map<Word, string>();
  const tell = async (word: Word) => {
    ids.set(word, await say(owner, roomId, word, ids.get('early')));
  };
  await tell('early');
  for (const reader of readers.slice(1)) {
    await owner.insist('POST', `${path}/invite`, { user_id: of(reader).userId });
  }
  await owner.insist('POST', `${path}/invite`, { user_id: guest.userId });
  await tell('asked');
  for (const reader of joiners) await of(reader).insist('POST', `${path}/join`, {});
  await guest.join(roomId, here);
  await tell('inside');
  const regretted = await owner.say(roomId, 'regretted');
  await of('decliner').insist('POST', `${path}/leave`, {});
  return {
    here,
    there,
    owner,
    guest,
    roomId,
    path,
    otherRoomId,
    otherId,
    regretted,
    of,
    ids,
    tell,
  };
};

type Story = Awaited<ReturnType<typeof openRoom>>;

/** The rest of it, until all clients have heard what they may. */
const emptyRoom = async ({ owner, path, roomId, regretted, of, ids, tell }: Story) => {
  await of('leaver').insist('POST', `${path}/leave`, {});
  await owner.insist('POST', `${path}/kick`, { user_id: of('kicked').userId });
  await owner.insist('POST', `${path}/ban`, { user_id: of('banned').userId });
  await tell('late');
  const redaction = `${path}/redact/${enc(regretted)}/r1`;
  await owner.insist('PUT', redaction, { reason: 'late-reason' });
  await owner.insist('PUT', `${path}/typing/${enc(owner.userId)}`, {
    typing: true,
    timeout: 60_000,
  });
  await owner.insist('POST', `${path}/receipt/m.read/${enc(ids.get('late') ?? '')}`, {});
  await owner.setState(roomId, 'm.room.topic', { topic: 'late-topic' });
  const hears = (reader: Reader, text: string) =>
    until(async () => of(reader).socket.heard.some((body) => body.includes(text)));
  await hears('member', 'late-topic');
  for (const reader of readers) {
    // Bodies are pushed in order: what was to come before this has come.
    const { userId, insist } = of(reader);
    await insist('PUT', `/user/${enc(userId)}/account_data/x.end`, { end: 1 });
    await hears(reader, 'x.end');
  }
};

const checkServer = async (t: Test, visibility: string, story: Story) => {
  const { here, there, owner, guest, roomId, path, otherRoomId, otherId, ids } = story;
  const ask = asking(there, here);
  // Another server sees what its user does, who came in with the members.
  const rights: readonly Word[] = table[visibility]?.member ?? [];
  const seen = rights.filter((word) => word !== 'late');
  const after = await owner.say(roomId, 'after');
  await arrives(there, after);
  for (const asked of serverWays(roomId, after).slice(3)) {
    t.same(found((await ask(asked)).text), seen, `${asked[1]}`);
  }
  for (const [word, id] of ids) {
    const { text } = await ask(['GET', `/event/${enc(id)}`]);
    t.same(found(text), rights.includes(word) ? [word] : [], `event: ${word}`);
  }
  for (const asked of serverWays(roomId, otherId)) {
    t.notMatch((await ask(asked)).text, /other-room-word|m\.room\.create/, 'of another room');
  }
  for (const asked of serverWays(otherRoomId, otherId)) {
    t.equal((await ask(asked)).status, 403, `${asked[1]}: a room that it is not in`);
  }
  t.equal((await ask(['GET', `/event/${enc(otherId)}`])).status, 403);
  await guest.insist('POST', `${path}/leave`, {});
  await until(async () => {
    const room = await here.context.rooms.get(roomId);
    return room?.servers.has(there.serverName) === false;
  });
  for (const asked of [...serverWays(roomId, after), ['GET', `/event/${enc(after)}`] as const]) {
    t.equal((await ask(asked)).status, 403, `${asked[1]}: a room that it has left`);
  }
};

const checkRequests = async (t: Test, visibility: string, reader: Reader, story: Story) => {
  const { path, otherRoomId, otherId, of, ids } = story;
  const seen = table[visibility]?.[reader] ?? [];
  const isOpen = visibility === 'world_readable';
  const mayRead = isOpen || joiners.includes(reader);
  const read = async (way: string, version = 'v3') => {
    const token = of(reader).accessToken;
    const answer = await of(reader).server.request('GET', `/_matrix/client/${version}${way}`, {
      token,
    });
    return { status: answer.status, text: JSON.stringify(answer.body) };
  };
  for (const direction of ['b', 'f']) {
    const page = await read(`${path}/messages?dir=${direction}&limit=100`);
    t.equal(page.status, mayRead ? 200 : 403, 'messages');
    t.same(found(page.text), mayRead ? seen : []);
    t.equal(page.text.includes('late-reason'), mayRead && seen.includes('late'), 'why redacted');
  }
  for (const [word, id] of ids) {
    const isSeen = seen.includes(word);
    const event = await read(`${path}/event/${enc(id)}`);
    t.equal(event.status, isSeen ? 200 : 404, `event: ${word}`);
    const around = await read(`${path}/context/${enc(id)}?limit=100`);
    t.equal(around.status, isSeen ? 200 : 404, `context: ${word}`);
    const related = await read(`${path}/relations/${enc(id)}?limit=100`, 'v1');
    t.equal(related.status, !mayRead ? 403 : isSeen ? 200 : 404, `relations: ${word}`);
    for (const { text } of [event, around, related]) {
      t.same(
        found(text).filter((one) => !seen.includes(one)),
        [],
        'and nothing else comes along',
      );
      if (!seen.includes('late')) t.notMatch(text, 'late-reason');
    }
  }
  const threads = await read(`${path}/threads`, 'v1');
  t.equal(threads.status, mayRead ? 200 : 403, 'threads');
  t.ok(found(threads.text).every((word) => mayRead && seen.includes(word)));
  t.equal(found(threads.text).includes('early'), mayRead && seen.includes('early'));
  const isPresent = isOpen || reader === 'member';
  for (const way of ['/state', '/state/m.room.topic/', '/members']) {
    const { status, text } = await read(`${path}${way}`);
    if (!mayRead) t.equal(status, 403, way);
    t.equal(text.includes('late-topic'), isPresent && way !== '/members', `${way}: of today`);
  }
  const members = await read(`${path}/joined_members`);
  t.equal(members.status, reader === 'member' ? 200 : 403, 'joined members');
  t.equal((await read(`${path}/event/${enc(otherId)}`)).status, 404, 'an event of another room');
  t.equal((await read(`/rooms/${enc(otherRoomId)}/event/${enc(otherId)}`)).status, 404);
};

const checkSyncs = async (t: Test, visibility: string, reader: Reader, story: Story) => {
  const { insist, since, socket } = story.of(reader);
  const seen = table[visibility]?.[reader] ?? [];
  const filter = enc(JSON.stringify({ room: { include_leave: true, timeline: { limit: 100 } } }));
  const whole = {
    initial: JSON.stringify(await insist('GET', `/sync?filter=${filter}`)),
    incremental: JSON.stringify(await insist('GET', `/sync?filter=${filter}&since=${since}`)),
  };
  // Who is in a room, or was, is told of it; up to there, whoever may look into it.
  const isTold = reader === 'decliner' || joiners.includes(reader);
  const told = seen.filter((word) => isTold && (reader === 'member' || word !== 'late'));
  for (const [way, text] of Object.entries(whole)) t.same(found(text), told, `sync: ${way}`);
  const pushed = socket.heard.join('\n');
  t.same(
    found(pushed).filter((word) => !told.includes(word)),
    [],
    'socket',
  );
  if (joiners.includes(reader)) t.ok(found(pushed).includes('inside'), 'socket: while there');
  for (const [way, text] of Object.entries({ ...whole, pushed })) {
    if (!seen.includes('late')) t.notMatch(text, 'late-reason', way);
    if (reader === 'member') t.match(text, 'late-reason', way);
    t.equal(text.includes('late-topic'), reader === 'member', `${way}: state`);
    t.equal(/m\.typing|m\.receipt/.test(text), reader === 'member', `${way}: ephemeral`);
  }
};

for (const visibility of Object.keys(table)) {
  t.test(`a room of ${visibility} history`, async (t) => {
    const story = await openRoom(t, visibility);
    await t.test('another server', (t) => checkServer(t, visibility, story));
    await emptyRoom(story);
    for (const reader of readers) {
      await t.test(`${reader}: requests`, (t) => checkRequests(t, visibility, reader, story));
      await t.test(`${reader}: syncs`, (t) => checkSyncs(t, visibility, reader, story));
    }
  });
}
