import { limits } from '@candor/spec';
import t from 'tap';
import { createSession } from '../../../accounts/create-session.ts';
import { removeDevices } from '../../../accounts/remove-devices.ts';
import type { Change } from '../../../notifier.ts';
import { transact } from '../../../storage/database.ts';
import { deleteToDeviceUpTo, toDeviceAfter } from '../../../storage/to-device.ts';
import { startTestServer, type TestUser } from '../../../testing/start-server.ts';

const server = await startTestServer(t);
const alice = await server.register('alice');
const bob = await server.register('bob');
const tablet = await createSession(server.context, { userId: bob.userId, deviceId: 'TABLET' });
const bobsTablet: TestUser = { ...bob, ...tablet };

let txnId = 0;
const send = (messages: unknown, { type = 'm.test', txn = `t${txnId++}`, by = alice } = {}) =>
  server.request('PUT', `/_matrix/client/v3/sendToDevice/${type}/${txn}`, {
    token: by.accessToken,
    body: { messages },
  });
const waiting = async (user: TestUser, after = 0, limit = 1_000) => {
  const { db } = server.context;
  const upTo = Number.MAX_SAFE_INTEGER;
  const rows = await toDeviceAfter(db, user.userId, user.deviceId, after, upTo, limit);
  return rows.map(({ message, position }) => ({ ...JSON.parse(message), position }));
};
const take = async (user: TestUser) => {
  const rows = await waiting(user);
  const upTo = rows.at(-1)?.position ?? 0;
  await transact(server.context.db, (tx) =>
    deleteToDeviceUpTo(tx, user.userId, user.deviceId, upTo),
  );
  return rows.map(({ position: _, ...message }) => message);
};
const refused = (status: number, errcode: string) => ({ status, body: { errcode } });

t.test('delivers to one device, to several, and by * to all, in order', async (t) => {
  const changes: Change[] = [];
  const stop = server.context.notifier.listen(({ change }) => changes.push(change));
  t.match(await send({ [bob.userId]: { [bob.deviceId]: { n: 1 } } }), { status: 200, body: {} });
  await send({ [bob.userId]: { '*': { n: 2 }, TABLET: { n: 3 } } });
  await send({ [bob.userId]: { '*': { n: 4 } }, [alice.userId]: { '*': { n: 5 } } });
  stop();
  const message = (n: number) => ({ type: 'm.test', sender: alice.userId, content: { n } });
  t.strictSame(await take(bob), [message(1), message(2), message(4)]);
  t.strictSame(await take(bobsTablet), [message(3), message(4)]);
  t.strictSame(await take(alice), [message(5)]);
  t.match(
    changes.filter(({ kind }) => kind === 'toDevice'),
    [{ userId: bob.userId, deviceId: bob.deviceId, wakes: [bob.userId] }],
  );
});

t.test('the same transaction sends once, of each session and type', async (t) => {
  const messages = { [bob.userId]: { TABLET: { once: true } } };
  const answers = await Promise.all(
    Array.from({ length: 5 }, () => send(messages, { txn: 'same' })),
  );
  t.ok(answers.every(({ status }) => status === 200));
  t.equal((await take(bobsTablet)).length, 1);
  await send(messages, { txn: 'same', type: 'm.other' });
  await send(messages, { txn: 'same', by: bob });
  t.equal((await take(bobsTablet)).length, 2);
});

t.test('drops what is for nobody here, and refuses what is malformed or too large', async (t) => {
  const nobody = `@nobody:${server.serverName}`;
  const messages = {
    [bob.userId]: { NOSUCH: {}, ['__proto__']: { a: 1 } },
    [nobody]: { '*': {} },
    ['__proto__']: { '*': {} },
    'no user': { '*': {} },
  };
  t.equal((await send(messages)).status, 200);
  const rows = await server.context.db.sql.selectFrom('to_device_messages').selectAll().execute();
  t.strictSame(rows, []);
  const large = { [bob.userId]: { '*': { text: 'x'.repeat(limits.toDeviceMessageBytesMax) } } };
  t.match(await send(large), refused(413, 'M_TOO_LARGE'));
  t.match(await send({ [bob.userId]: { '*': 1 } }), refused(400, 'M_BAD_JSON'));
  t.match(await send(undefined), refused(400, 'M_MISSING_PARAM'));
  t.match(await send({}, { by: { ...alice, accessToken: 'no' } }), refused(401, 'M_UNKNOWN_TOKEN'));
});

t.test('keeps messages until they are acknowledged, a portion at a time', async (t) => {
  for (let n = 0; n < 5; n++) await send({ [bob.userId]: { TABLET: { n } } });
  const first = await waiting(bobsTablet, 0, 3);
  t.strictSame(
    first.map(({ content }) => content.n),
    [0, 1, 2],
  );
  t.equal((await waiting(bobsTablet)).length, 5, 'reading takes nothing away');
  const at = first.at(-1)?.position;
  t.strictSame(
    (await waiting(bobsTablet, at)).map(({ content }) => content.n),
    [3, 4],
  );
  const { db } = server.context;
  await transact(db, (tx) => deleteToDeviceUpTo(tx, bob.userId, 'TABLET', at));
  t.strictSame(
    (await waiting(bobsTablet)).map(({ content }) => content.n),
    [3, 4],
  );
  await server.restart();
  t.equal((await take(bobsTablet)).length, 2);
});

t.test('a removed device loses its messages, whenever it goes', async (t) => {
  const rowsOf = async (device_id: string) =>
    server.context.db.sql
      .selectFrom('to_device_messages')
      .select('position')
      .where('device_id', '=', device_id)
      .execute();
  for (let round = 0; round < 5; round++) {
    const deviceId = `SHORT${round}`;
    await createSession(server.context, { userId: bob.userId, deviceId });
    const sends = Array.from({ length: 8 }, () => send({ [bob.userId]: { [deviceId]: {} } }));
    await Promise.all([...sends, removeDevices(server.context, bob.userId, [deviceId])]);
    t.strictSame(await rowsOf(deviceId), []);
  }
});

t.test(
  'a device that never comes for its messages keeps the oldest and gets no more',
  async (t) => {
    await take(bob);
    await take(bobsTablet);
    const { userId, deviceId } = bobsTablet;
    await server.context.db.pool.query(
      `INSERT INTO to_device_messages (user_id, device_id, position, message)
     SELECT $1, $2, n, '{"type":"m.old"}' FROM generate_series(1, $3::int) AS n`,
      [userId, deviceId, limits.toDeviceMessagesPerDeviceMax - 1],
    );
    for (const text of ['last', 'too much']) {
      t.equal((await send({ [userId]: { '*': { text } } })).status, 200);
    }
    const kept = await waiting(bobsTablet, 0, limits.toDeviceMessagesPerDeviceMax + 10);
    t.equal(kept.length, limits.toDeviceMessagesPerDeviceMax);
    t.match(kept.at(-1), { content: { text: 'last' } });
    const others = await take(bob);
    t.strictSame(
      others.map(({ content }) => content.text),
      ['last', 'too much'],
      'other devices get everything',
    );
    const { body } = await server.request('GET', '/metrics');
    t.match(body, /candor_to_device_refused_total [1-9]/);
    await take(bobsTablet);
  },
);
