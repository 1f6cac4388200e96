import './without-native-crypto.ts';
import { AutojoinRoomsMixin, LogService, MatrixAuth, type MatrixClient } from 'matrix-bot-sdk';
import t from 'tap';
import { startDeployment } from '../deployment.ts';
import { waitUntil } from './wait-until.ts';

t.setTimeout(300_000);

const silence = () => undefined;
LogService.setLogger({
  trace: silence,
  debug: silence,
  info: silence,
  warn: silence,
  error: silence,
});

type RoomEvent = { event_id: string; sender: string; content: { body?: string } };

/** Keeps the messages that a client's sync brings. */
const listen = (client: MatrixClient) => {
  const heard: RoomEvent[] = [];
  client.on('room.message', (_roomId: string, event: RoomEvent) => heard.push(event));
  /** A message that ends so: replies begin with what they answer. */
  const hears = (ending: string) =>
    waitUntil(`'${ending}'`, () => heard.find(({ content }) => content.body?.endsWith(ending)));
  return { hears };
};

t.test('matrix-bot-sdk on two of our servers', async (t) => {
  const pair = await startDeployment({ env: { CANDOR_REGISTRATION: 'open' } });
  t.teardown(pair.stop);
  const [{ url, serverName }] = pair.servers;
  const person = await new MatrixAuth(url).passwordRegister('person', 'password of person');
  await new MatrixAuth(pair.other.url).passwordRegister('bot', 'password of bot');
  const bot = await new MatrixAuth(pair.other.url).passwordLogin('bot', 'password of bot');
  const [personId, botId] = [await person.getUserId(), await bot.getUserId()];
  t.equal(personId, `@person:${serverName}`);
  t.equal(botId, `@bot:${pair.other.serverName}`);

  AutojoinRoomsMixin.setupOnClient(bot);
  const echoed = new Set<string>();
  bot.on('room.message', async (roomId: string, event: RoomEvent) => {
    const { body } = event.content;
    // Who joins again is shown the latest messages again.
    if (event.sender === botId || !body?.startsWith('!echo ') || echoed.has(event.event_id)) return;
    echoed.add(event.event_id);
    await bot.replyNotice(roomId, event, body.slice('!echo '.length));
  });
  const heard = listen(person);
  await Promise.all([person.start(), bot.start()]);
  t.teardown(() => {
    person.stop();
    bot.stop();
  });

  /** Either server may be the first to have it. */
  const isIn = (roomId: string) =>
    waitUntil(
      'the bot in the room',
      async () =>
        (await person.getJoinedRoomMembers(roomId)).includes(botId) &&
        (await bot.getJoinedRooms()).includes(roomId),
    );

  const roomId = await person.createRoom({
    preset: 'public_chat',
    name: 'Workshop',
    topic: 'bots',
    room_alias_name: 'workshop',
  });

  t.test('the bot joins where it is invited, answers and takes back', async (t) => {
    await person.inviteUser(botId, roomId);
    await isIn(roomId);
    await person.sendText(roomId, '!echo good morning');
    const answer = await heard.hears('\n\ngood morning');
    t.equal(answer.sender, botId);
    await bot.redactEvent(roomId, answer.event_id, 'enough');
    const content = await waitUntil('the redaction', async () => {
      const event: RoomEvent = await person.getEvent(roomId, answer.event_id);
      return Object.keys(event.content).length === 0 && event;
    });
    t.match(content, { unsigned: { redacted_because: { sender: botId } } });
  });

  t.test('state, members and power levels', async (t) => {
    t.same(await bot.getRoomStateEvent(roomId, 'm.room.name', ''), { name: 'Workshop' });
    t.equal(await bot.userHasPowerLevelFor(botId, roomId, 'm.room.topic', true), false);
    await person.setUserPowerLevel(botId, roomId, 50);
    await waitUntil('the power', () =>
      bot.userHasPowerLevelFor(botId, roomId, 'm.room.topic', true),
    );
    await bot.sendStateEvent(roomId, 'm.room.topic', '', { topic: 'robots' });
    await waitUntil(
      'the topic',
      async () => (await person.getRoomStateEvent(roomId, 'm.room.topic', '')).topic === 'robots',
    );
    const members = await bot.getRoomMembersByMembership(roomId, 'join');
    t.same(members.map(({ membershipFor }) => membershipFor).sort(), [personId, botId].sort());
    t.equal(await bot.resolveRoom(`#workshop:${serverName}`), roomId);
    t.equal((await bot.getRoomState(roomId)).length, (await person.getRoomState(roomId)).length);
  });

  t.test('account data, of the account and of a room', async (t) => {
    await bot.setAccountData('org.example.settings', { volume: 11 });
    t.same(await bot.getAccountData('org.example.settings'), { volume: 11 });
    await bot.setRoomAccountData('org.example.room', roomId, { muted: false });
    t.same(await bot.getRoomAccountData('org.example.room', roomId), { muted: false });
    t.same(await bot.getSafeAccountData('org.example.none', { fresh: true }), { fresh: true });
  });

  t.test('profiles, reactions, receipts, typing and media', async (t) => {
    await bot.setDisplayName('Robot');
    await waitUntil(
      'the name at the other server',
      async () => (await person.getUserProfile(botId)).displayname === 'Robot',
    );
    const eventId = await person.sendText(roomId, 'like this');
    await waitUntil('the message', () => bot.getEvent(roomId, eventId).catch(() => undefined));
    await bot.sendEvent(roomId, 'm.reaction', {
      'm.relates_to': { rel_type: 'm.annotation', event_id: eventId, key: '👍' },
    });
    const reactions = await waitUntil('the reaction', async () => {
      const { chunk } = await person.getRelationsForEvent(roomId, eventId, 'm.annotation');
      return chunk.length > 0 && chunk;
    });
    t.match(reactions, [{ sender: botId }]);
    await bot.sendReadReceipt(roomId, eventId);
    await bot.setTyping(roomId, true, 1_000);
    const uri = await bot.uploadContent(Buffer.from('a picture'), 'image/png', 'robot.png');
    t.match(uri, `mxc://${pair.other.serverName}/`);
  });

  t.test('spaces', async (t) => {
    // `createSpace` of the SDK names the creator in the power levels, which version 12 forbids.
    const spaceId = await person.createRoom({
      preset: 'public_chat',
      name: 'Bots',
      invite: [botId],
      creation_content: { type: 'm.space' },
    });
    const space = await person.getSpace(spaceId);
    await space.addChildRoom(roomId);
    await isIn(spaceId);
    const seen = await bot.getSpace(spaceId);
    const children = await waitUntil('the child of the space', async () => {
      const all = Object.keys(await seen.getChildEntities());
      return all.length > 0 && all;
    });
    t.same(children, [roomId]);
  });

  t.test('kick, ban and leave', async (t) => {
    await person.kickUser(botId, roomId, 'a pause');
    await waitUntil('the kick', async () => !(await bot.getJoinedRooms()).includes(roomId));
    t.equal(await bot.joinRoom(`#workshop:${serverName}`), roomId);
    await isIn(roomId);
    await person.banUser(botId, roomId);
    await waitUntil('the ban', async () => !(await bot.getJoinedRooms()).includes(roomId));
    await t.rejects(bot.joinRoom(roomId, [serverName]), /M_FORBIDDEN/);
    await person.unbanUser(botId, roomId);
    await bot.joinRoom(roomId, [serverName]);
    await isIn(roomId);
    await bot.leaveRoom(roomId);
    await waitUntil(
      'the leave',
      async () => !(await person.getJoinedRoomMembers(roomId)).includes(botId),
    );
  });
});
