import { once } from 'node:events';
import { limits } from '@candor/spec';
import t from 'tap';
import { WebSocket } from 'ws';
import { startTestServer, type TestServer, type TestUser } from '../testing/start-server.ts';

const path = '/_matrix/client/unstable/dev.candor.ws/sync';

type Body = {
  readonly next_batch: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers freely and would fail on a wrong shape.
  readonly [part: string]: any;
};

/** A socket whose frames are read one by one. */
class Client {
  readonly socket: WebSocket;
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  readonly #bodies: Body[] = [];
  #wake: () => void = () => undefined;

  constructor(server: TestServer, headers: Record<string, string>, protocols: string[] = []) {
    this.socket = new WebSocket(`${server.url.replace('http', 'ws')}${path}`, protocols, {
      headers,
    });
    this.closed = once(this.socket, 'close').then(([code, reason]) => ({
      code: Number(code),
      reason: String(reason),
    }));
    this.socket.on('message', (data) => {
      this.#bodies.push(JSON.parse(String(data)) as Body);
      this.#wake();
    });
  }

  get waiting(): number {
    return this.#bodies.length;
  }

  async next(): Promise<Body> {
    for (;;) {
      const body = this.#bodies.shift();
      if (body) return body;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  send(frame: object): void {
    this.socket.send(JSON.stringify(frame));
  }

  ack({ next_batch }: Body): void {
    this.send({ ack: next_batch });
  }
}

const open = async (server: TestServer, { accessToken }: TestUser, frame?: object) => {
  const client = new Client(server, { Authorization: `Bearer ${accessToken}` });
  await once(client.socket, 'open');
  if (frame) client.send(frame);
  return client;
};

const createRoom = async (server: TestServer, { accessToken }: TestUser): Promise<string> => {
  const made = await server.request('POST', '/_matrix/client/v3/createRoom', {
    token: accessToken,
    body: { preset: 'public_chat' },
  });
  return made.body.room_id;
};

let txn = 0;
const say = (server: TestServer, { accessToken }: TestUser, roomId: string, body: string) => {
  txn += 1;
  return server.request('PUT', `/_matrix/client/v3/rooms/${roomId}/send/m.room.message/${txn}`, {
    token: accessToken,
    body: { msgtype: 'm.text', body },
  });
};

const bodiesIn = (body: Body, roomId: string): string[] =>
  (body['rooms']?.join?.[roomId]?.timeline.events ?? []).flatMap(
    (event: { content: { body?: string } }) => event.content.body ?? [],
  );

t.test('bodies of /sync are pushed, the next when the one before is acknowledged', async (t) => {
  const server = await startTestServer(t);
  const alice = await server.register('alice');
  const roomId = await createRoom(server, alice);
  const client = await open(server, alice, {});
  const first = await client.next();
  t.ok(first['rooms'].join[roomId], 'the first body is an initial one');
  client.ack(first);
  await say(server, alice, roomId, 'one');
  const second = await client.next();
  t.same(bodiesIn(second, roomId), ['one']);

  await say(server, alice, roomId, 'two');
  await say(server, alice, roomId, 'three');
  t.equal(client.waiting, 0, 'nothing is sent while a body is unacknowledged');
  client.ack(second);
  const third = await client.next();
  t.same(bodiesIn(third, roomId), ['two', 'three'], 'what happened meanwhile comes in one');

  client.socket.close();
  await client.closed;
  const again = await open(server, alice, { since: second.next_batch });
  t.same(bodiesIn(await again.next(), roomId), ['two', 'three'], 'the unacknowledged comes again');
  again.socket.close();
});

t.test('a browser names its token in a subprotocol, which is not repeated', async (t) => {
  const server = await startTestServer(t);
  const { accessToken } = await server.register('alice');
  const client = new Client(server, {}, [
    'dev.candor.sync.v1',
    `dev.candor.access_token.${accessToken}`,
  ]);
  await once(client.socket, 'open');
  t.equal(client.socket.protocol, 'dev.candor.sync.v1');
  client.send({});
  t.ok((await client.next()).next_batch);
  client.socket.close();
});

t.test('who may not come in is told so before the upgrade', async (t) => {
  const server = await startTestServer(t);
  const refusalOf = async (headers: Record<string, string>) => {
    const { socket, closed } = new Client(server, headers);
    closed.catch(() => undefined);
    socket.on('error', () => undefined);
    const [, response] = await once(socket, 'unexpected-response');
    let text = '';
    for await (const part of response) text += part;
    return { status: response.statusCode, errcode: JSON.parse(text).errcode };
  };
  t.same(await refusalOf({}), { status: 401, errcode: 'M_MISSING_TOKEN' });
  t.same(await refusalOf({ Authorization: 'Bearer nonsense' }), {
    status: 401,
    errcode: 'M_UNKNOWN_TOKEN',
  });
  const plain = await server.request('GET', path, {
    token: (await server.register('alice')).accessToken,
  });
  t.same([plain.status, plain.body.errcode], [426, 'M_UNRECOGNIZED']);
});

t.test('a client that breaks the protocol is closed with a reason', async (t) => {
  const server = await startTestServer(t);
  const alice = await server.register('alice');
  const closeAfter = async (send: (client: Client) => void | Promise<void>) => {
    const client = await open(server, alice);
    await send(client);
    return (await client.closed).code;
  };
  t.equal(await closeAfter((client) => client.socket.send('{')), 4400, 'not JSON');
  t.equal(await closeAfter((client) => client.send([])), 4400, 'not a first frame');
  t.equal(await closeAfter((client) => client.send({ since: 'x' })), 4400, 'not a token');
  t.equal(await closeAfter((client) => client.send({ filter: '{' })), 4400, 'not a filter');
  t.equal(await closeAfter((client) => client.socket.send(Buffer.from('{}'))), 4400, 'binary');
  const wrongAck = closeAfter(async (client) => {
    client.send({});
    await client.next();
    client.send({ ack: 's1' });
  });
  t.equal(await wrongAck, 4400, 'an ack of something that was not sent');
  const early = closeAfter(async (client) => {
    client.send({});
    client.ack(await client.next());
    client.send({ ack: 's1' });
  });
  t.equal(await early, 4400, 'an ack while nothing is unacknowledged');
  const long = closeAfter((client) =>
    client.send({ filter: 'x'.repeat(limits.socketFrameBytesMax) }),
  );
  t.equal(await long, 1009, 'a frame that is too long');
});

t.test('a socket closes at once when its session ends, in whatever state it is', async (t) => {
  const server = await startTestServer(t);
  const endsWith4401 = async (name: string, frames: (client: Client) => Promise<void>) => {
    const user = await server.register(name);
    const client = await open(server, user);
    await frames(client);
    await server.request('POST', '/_matrix/client/v3/logout', { token: user.accessToken });
    t.equal((await client.closed).code, 4401, name);
  };
  await endsWith4401('silent', async () => undefined);
  await endsWith4401('unacknowledged', async (client) => {
    client.send({});
    await client.next();
  });
  await endsWith4401('waiting', async (client) => {
    client.send({});
    client.ack(await client.next());
  });
});

t.test('another session of the user may end without this one', async (t) => {
  const server = await startTestServer(t);
  const alice = await server.register('alice', { password: 'correct horse battery' });
  const login = await server.request('POST', '/_matrix/client/v3/login', {
    body: {
      type: 'm.login.password',
      identifier: { type: 'm.id.user', user: 'alice' },
      password: 'correct horse battery',
    },
  });
  const roomId = await createRoom(server, alice);
  const client = await open(server, alice, {});
  client.ack(await client.next());
  await server.request('POST', '/_matrix/client/v3/logout', { token: login.body.access_token });
  let seen: string[] = [];
  await say(server, alice, roomId, 'still here');
  while (seen.length === 0) {
    const body = await client.next();
    seen = bodiesIn(body, roomId);
    client.ack(body);
  }
  t.same(seen, ['still here']);
  client.socket.close();
});

t.test('a user has only so many sockets', async (t) => {
  const server = await startTestServer(t);
  const alice = await server.register('alice');
  const clients: Client[] = [];
  for (let count = 0; count < limits.socketsPerUserMax; count += 1) {
    clients.push(await open(server, alice));
  }
  const [first] = clients;
  t.equal((await (await open(server, alice)).closed).code, 4429);
  first?.socket.close();
  await first?.closed;
  const next = await open(server, alice, {});
  t.ok((await next.next()).next_batch, 'when one has closed there is room again');
  for (const { socket } of [...clients, next]) socket.close();
});

t.test('a server that stops tells its sockets to come back', async (t) => {
  const server = await startTestServer(t);
  const alice = await server.register('alice');
  const client = await open(server, alice, {});
  client.ack(await client.next());
  await server.stop();
  t.equal((await client.closed).code, 1001);
});
