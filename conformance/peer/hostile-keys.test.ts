import { type Json, type JsonObject, signJson } from '@candor/federation';
import t from 'tap';
import { asPerson } from '../interop/person.ts';
import { waitUntil } from '../interop/wait-until.ts';
import { joinAsPeer } from './peer-in-room.ts';
import { startScene } from './start-scene.ts';

const { homeserver, peer } = await startScene(t);
const alice = asPerson(await homeserver.register('alice'));

const deviceKeys = (userId: string, deviceId: string, more: JsonObject = {}): JsonObject =>
  signJson(
    {
      user_id: userId,
      device_id: deviceId,
      algorithms: ['m.olm.v1.curve25519-aes-sha2'],
      keys: { [`ed25519:${deviceId}`]: peer.signer.key.publicKey },
      ...more,
    },
    userId,
    peer.signer.key,
  );

const asked = (path: string, userId: string): number =>
  peer.asked.filter((one) => one.path.join('/') === `${path}/${userId}`).length;

t.test('keys of one user that nothing can keep cost nobody else theirs', async (t) => {
  const body = { preset: 'public_chat', room_version: '11' };
  const roomId = String((await alice.call('POST', '/v3/createRoom', body))['room_id']);
  const mallory = await joinAsPeer(peer, homeserver, roomId, 'mallory');
  const trent = await joinAsPeer(peer, homeserver, roomId, 'trent');
  const bad = {
    'a\0b': deviceKeys(mallory.userId, 'a\0b'),
    NAME: deviceKeys(mallory.userId, 'NAME', { unsigned: { device_display_name: 'a\0b' } }),
  };
  const device_keys = {
    [mallory.userId]: bad,
    [trent.userId]: { ONE: deviceKeys(trent.userId, 'ONE') },
  };
  peer.answer(({ path }) => (path.includes('query') ? { body: { device_keys } } : undefined));
  const query = async () => {
    const wanted = { device_keys: { [mallory.userId]: [], [trent.userId]: [] } };
    return alice.call<{ device_keys: Record<string, object>; failures: object }>(
      'POST',
      '/v3/keys/query',
      wanted,
    );
  };
  const first = await query();
  t.strictSame(first.failures, {});
  t.strictSame(Object.keys(first.device_keys[trent.userId] ?? {}), ['ONE']);
  t.strictSame(Object.keys(first.device_keys[mallory.userId] ?? {}), ['NAME']);

  t.comment('updates are missed: both lists are fetched anew');
  const lists: Record<string, Json> = {
    [mallory.userId]: Object.entries(bad).map(([device_id, keys]) => ({
      device_id,
      keys,
      device_display_name: 'a\0b',
    })),
    [trent.userId]: [{ device_id: 'TWO', keys: deviceKeys(trent.userId, 'TWO') }],
  };
  peer.answer(({ path }) => {
    if (path.includes('query')) return { status: 500, body: {} };
    const user_id = path[3] ?? '';
    return path[2] === 'devices'
      ? { body: { user_id, stream_id: 7, devices: lists[user_id] } }
      : undefined;
  });
  const update = ({ userId }: { userId: string }) => ({
    edu_type: 'm.device_list_update',
    content: { user_id: userId, device_id: 'X', stream_id: 7, prev_id: [6] },
  });
  await mallory.send([], [mallory, trent].map(update));
  const second = await waitUntil('the lists', async () => {
    const { device_keys: keys, failures } = await query();
    return Object.keys(failures).length === 0 ? keys : undefined;
  });
  t.strictSame(Object.keys(second[trent.userId] ?? {}), ['TWO']);
  t.strictSame(Object.keys(second[mallory.userId] ?? {}), ['NAME']);

  t.comment('and an answer that is none is not asked for again and again');
  lists[mallory.userId] = 7;
  peer.answer(({ path }) =>
    path[3] === mallory.userId ? { body: { user_id: 'nobody' } } : undefined,
  );
  const before = asked('v1/user/devices', mallory.userId);
  const later = (one: { userId: string }) => {
    const edu = update(one);
    return { ...edu, content: { ...edu.content, stream_id: 9, prev_id: [8] } };
  };
  lists[trent.userId] = [{ device_id: 'THREE', keys: deviceKeys(trent.userId, 'THREE') }];
  await mallory.send([], [mallory].map(later));
  await waitUntil('the question', () => asked('v1/user/devices', mallory.userId) > before);
  await mallory.send([], [trent].map(later));
  await waitUntil('the list of trent', async () => {
    const wanted = { device_keys: { [trent.userId]: [] } };
    const { device_keys: keys } = await alice.call<{ device_keys: Record<string, object> }>(
      'POST',
      '/v3/keys/query',
      wanted,
    );
    return Object.keys(keys[trent.userId] ?? {})[0] === 'THREE';
  });
  t.equal(asked('v1/user/devices', mallory.userId), before + 1);
  t.notMatch(await homeserver.logs(), /"level":"(error|fatal)"/);
});

t.test('an answer that one user makes unreadable is had without that user', async (t) => {
  const users = ['one', 'two', 'three', 'four', 'five'].map(
    (name) => `@${name}:${peer.serverName}`,
  );
  const bad = users[3] ?? '';
  const askedAbout = (body: Json | undefined, member: string): string[] =>
    Object.keys((body as Record<string, object> | undefined)?.[member] ?? {});
  peer.answer(({ path, body }) => {
    const isQuery = path[3] === 'query';
    const named = askedAbout(body, isQuery ? 'device_keys' : 'one_time_keys');
    if (path[2] !== 'keys') return undefined;
    const answer = named.map((userId) => {
      const device = isQuery ? deviceKeys(userId, 'D') : { 'signed_curve25519:A': { key: 'x' } };
      // No text: what servers read differently.
      return [userId, { D: userId === bad ? { key: '\ud800' } : device }];
    });
    const member = isQuery ? 'device_keys' : 'one_time_keys';
    return { body: { [member]: Object.fromEntries(answer) } };
  });
  const good = users.filter((userId) => userId !== bad).sort();
  const failures = { [peer.serverName]: { errcode: 'M_CONNECTION_FAILED' } };
  const query = { device_keys: Object.fromEntries(users.map((id) => [id, []])) };
  const queried = await alice.call<JsonObject>('POST', '/v3/keys/query', query);
  t.match(queried['failures'], failures);
  t.strictSame(askedAbout(queried, 'device_keys').sort(), good);
  const claims = users.map((id) => [id, { D: 'signed_curve25519' }]);
  const claim = { one_time_keys: Object.fromEntries(claims) };
  const claimed = await alice.call<JsonObject>('POST', '/v3/keys/claim', claim);
  t.match(claimed['failures'], failures);
  t.strictSame(askedAbout(claimed, 'one_time_keys').sort(), good);
});
