import { Agent, request as httpRequest } from 'node:http';
import { request as httpsRequest, Agent as TlsAgent } from 'node:https';
import { type Json, signRequest } from '@candor/federation';
import { limits, type Operation } from '@candor/spec';
import t from 'tap';
import { person } from '../testing/federated-rooms.ts';
import { hostileValues, type RealIds } from '../testing/hostile-values.ts';
import { startTestNetwork } from '../testing/start-network.ts';
import { servedApis } from './served.ts';

t.setTimeout(300_000);

const seed = Number(process.env['CANDOR_FAULT_SEED'] ?? Date.now() % 1_000_000);
const hostileMs = Number(process.env['CANDOR_FAULT_MS'] ?? 8_000);

const [server, peer] = await startTestNetwork(t, 2);
const alice = await person(server, 'alice');
const bob = await person(server, 'bob');

type Sent = {
  readonly method: string;
  readonly path: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer | undefined;
  /** By the listener for other servers. */
  readonly overTls?: boolean;
};
type Received = {
  readonly status: number;
  readonly errcode: unknown;
  readonly text: string;
};

const agent = new Agent({ keepAlive: true });
const tlsAgent = new TlsAgent({ keepAlive: true, ca: server.authority.cert });
t.teardown(() => {
  agent.destroy();
  tlsAgent.destroy();
});

const errcodeOf = (text: string): unknown => {
  try {
    return JSON.parse(text).errcode;
  } catch {
    return undefined;
  }
};

const send = ({ method, path, headers = {}, body, overTls = false }: Sent): Promise<Received> =>
  new Promise((resolve, reject) => {
    const top = overTls ? `https://${server.serverName}` : server.url;
    const options = {
      method,
      agent: overTls ? tlsAgent : agent,
      headers: {
        ...(body !== undefined && { 'content-length': Buffer.byteLength(body) }),
        ...headers,
      },
    };
    const request = (overTls ? httpsRequest : httpRequest)(top + path, options, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, errcode: errcodeOf(text), text }),
      );
    });
    request.on('error', reject);
    request.end(body);
  });

const operations: readonly Operation[] = servedApis.flatMap(({ operations, handlers }) =>
  Object.keys(handlers).flatMap((id) => operations[id] ?? []),
);

/** What a caller of the operation sends with it; for another server the signature of `content`. */
const credentials = (
  { auth }: Operation,
  token: string,
  signed: { method: string; uri: string; content?: Json; contentText?: string },
): Record<string, string> => {
  if (auth === 'none') return {};
  if (auth !== 'signedRequest') return { authorization: `Bearer ${token}` };
  const request = { ...signed, origin: peer.serverName, destination: server.serverName };
  return { authorization: signRequest(request, peer.context.federation.signingKey) };
};

const paramsOf = ({ path }: Operation): string[] =>
  [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);

const schemaOf = (part: Operation['params' | 'query' | 'body'], name?: string) => {
  const schema = (typeof part === 'object' ? part : {}) as Readonly<Record<string, unknown>>;
  if (name === undefined) return schema;
  const properties = schema['properties'] as Record<string, Record<string, unknown>> | undefined;
  return properties?.[name] ?? {};
};

/** Ids that exist now; each round makes new ones, for requests leave rooms and redact events. */
const setScene = async (round: number): Promise<RealIds> => {
  const isOld = round % 2 === 0;
  const alias = `#room${round}:${server.serverName}`;
  const roomId = await alice.createRoom({
    preset: 'public_chat',
    room_alias_name: `room${round}`,
    // From version 12 on the creator is not named.
    room_version: isOld ? '11' : '12',
    power_level_content_override: {
      users: { [bob.userId]: 100, ...(isOld && { [alice.userId]: 100 }) },
    },
  });
  await bob.join(roomId, server);
  const eventId = await alice.say(roomId, 'hello');
  return {
    userIds: [alice.userId, bob.userId, `@carol:${peer.serverName}`, '@dave:x.invalid'],
    roomIds: [roomId, '!unknown:x.invalid'],
    eventIds: [eventId, '$unknown'],
    aliases: [alias, '#unknown:x.invalid'],
    texts: [
      alice.deviceId,
      bob.deviceId,
      server.serverName,
      peer.serverName,
      'm.room.message',
      'm.room.power_levels',
      'm.read',
      'online',
      'global',
      'content',
      'text',
      'joined',
      's1_1',
      'm.login.password',
    ],
  };
};

/** The first that a schema names. */
const sampleOf = (schema: Readonly<Record<string, unknown>>): string | undefined =>
  (schema['const'] ?? (schema['enum'] as unknown[] | undefined)?.[0]) as string | undefined;

const isJsonBody = ({ body }: Operation): boolean => body !== undefined && body !== 'bytes';

t.test('every operation names what is wrong with a request', async (t) => {
  const scene = await setScene(1);
  const sample: Record<string, string> = {
    userId: alice.userId,
    roomId: scene.roomIds[0] ?? '',
    eventId: scene.eventIds[0] ?? '',
    roomAlias: scene.aliases[0] ?? '',
    roomIdOrAlias: scene.roomIds[0] ?? '',
    serverName: server.serverName,
    keyName: 'displayname',
  };
  for (const operation of operations) {
    const { id, method } = operation;
    let path = operation.path;
    for (const name of paramsOf(operation))
      path = path.replace(
        `{${name}}`,
        encodeURIComponent(sampleOf(schemaOf(operation.params, name)) ?? sample[name] ?? 'x'),
      );
    const required = (schemaOf(operation.query)['required'] ?? []) as string[];
    const query = required.map(
      (name) => `${name}=${sampleOf(schemaOf(operation.query, name)) ?? 'x'}`,
    );
    const uri = query.length > 0 ? `${path}?${query.join('&')}` : path;
    const overTls = operation.auth === 'signedRequest';
    const sign = (content?: Json) =>
      credentials(operation, alice.accessToken, {
        method,
        uri,
        ...(content !== undefined && { content }),
      });
    const answer = async (body: string, content?: Json) =>
      send({ method, path: uri, overTls, body, headers: sign(content) });
    const wrongMethod = await send({ method: 'PATCH', path, overTls });
    t.match(wrongMethod, { status: 405, errcode: 'M_UNRECOGNIZED' }, `${id}: wrong method`);
    const unknown = await send({ method, path: `${path}/there/is/nothing/here/at/all`, overTls });
    t.match(unknown, { status: 404, errcode: 'M_UNRECOGNIZED' }, `${id}: unknown path`);
    if (operation.body === undefined) continue;
    const headers = { ...sign(), 'content-length': String(10 * limits.mediaUploadBytesMax) };
    const large = await send({ method, path: uri, overTls, headers });
    t.match(large, { status: 413, errcode: 'M_TOO_LARGE' }, `${id}: too large`);
    if (!isJsonBody(operation)) continue;
    for (const text of ['{', '{"a":}', '\ufeff', `${'['.repeat(9_999)}`])
      t.match(
        await answer(text),
        { status: 400, errcode: 'M_NOT_JSON' },
        `${id}: ${text.slice(0, 9)}`,
      );
    if (schemaOf(operation.body)['type'] !== 'object') continue;
    for (const content of [[], 7, 'text', null])
      t.match(
        await answer(JSON.stringify(content), content),
        { status: 400, errcode: 'M_BAD_JSON' },
        `${id}: ${JSON.stringify(content)}`,
      );
    if (((schemaOf(operation.body)['required'] ?? []) as unknown[]).length === 0) continue;
    const missing = await answer('{}', {});
    t.match(missing, { status: 400, errcode: 'M_MISSING_PARAM' }, `${id}: missing`);
  }
});

/** Left out of the hostile part: they end the sessions it needs. */
const endsSession: readonly string[] = ['logout', 'logout_all'];

const lineOf = (sent: Sent, { status, text }: Received): string =>
  `${sent.method} ${sent.path.slice(0, 500)} ${String(sent.body ?? '').slice(0, 500)}: ${status} ${text.slice(0, 300)}`;

t.test(`no operation breaks on hostile requests (seed ${seed})`, async (t) => {
  let state = seed >>> 0;
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  let scene = await setScene(2);
  const hostile = hostileValues(random, () => scene);
  const make = (operation: Operation, token: string): Sent => {
    let path = operation.path;
    for (const name of paramsOf(operation))
      path = path.replace(`{${name}}`, () =>
        encodeURIComponent(hostile.text(schemaOf(operation.params, name)).slice(0, 2_000)),
      );
    const names = Object.keys((schemaOf(operation.query)['properties'] ?? {}) as object);
    const query = names
      .filter((name) => name !== 'timeout' && random() < 0.4)
      .map((name) => {
        const value = hostile.value(schemaOf(operation.query, name));
        const text = typeof value === 'string' ? value : JSON.stringify(value);
        return `${name}=${encodeURIComponent(text.slice(0, 2_000))}`;
      });
    const uri = query.length > 0 ? `${path}?${query.join('&')}` : path;
    const body = isJsonBody(operation) ? hostile.json(schemaOf(operation.body)) : undefined;
    let content: Json | undefined;
    try {
      content = body === undefined ? undefined : JSON.parse(body.toString());
    } catch {
      // Refused before the signature is looked at.
    }
    const signedBody = content !== undefined && { content, contentText: String(body) };
    const headers = credentials(operation, token, { method: operation.method, uri, ...signedBody });
    if (random() < 0.1) headers['content-type'] = 'application/x-www-form-urlencoded';
    return {
      method: operation.method,
      path: uri,
      headers,
      body: operation.body === 'bytes' ? 'some bytes' : body,
      overTls: operation.auth === 'signedRequest' || random() < 0.1,
    };
  };

  const faults: string[] = [];
  const statuses = new Map<number, number>();
  const endAt = performance.now() + hostileMs;
  const meant = operations.filter(({ id }) => !endsSession.includes(id));
  const ask = async (operation: Operation): Promise<void> => {
    const sent = make(operation, random() < 0.5 ? alice.accessToken : bob.accessToken);
    const received = await send(sent).catch((error: Error) => ({
      status: 0,
      errcode: undefined,
      text: error.message,
    }));
    const { status, errcode, text } = received;
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    const isServerFault = status === 0 || status === 500 || status === 501 || status === 503;
    const isUnexplained = status >= 400 && typeof errcode !== 'string' && !text.includes('"flows"');
    const tellsTooMuch = /node_modules|\.ts:\d|\bat .*\(/.test(text) && status >= 400;
    if (isServerFault || isUnexplained || tellsTooMuch)
      faults.push(`${operation.id}: ${lineOf(sent, received)}`);
  };
  let round = 3;
  for (; performance.now() < endAt; round += 1) {
    scene = await setScene(round);
    for (let at = 0; at < meant.length && performance.now() < endAt; at += 4)
      await Promise.all(meant.slice(at, at + 4).map(ask));
  }
  t.comment(
    `${round - 3} rounds; ${[...statuses]
      .sort()
      .map(([s, n]) => `${s}: ${n}`)
      .join(', ')}`,
  );
  t.ok(statuses.get(200), 'some get through');
  t.strictSame([...new Set(faults)].slice(0, 20), []);
  const wrong = server.logLines.filter((line) => /"level":"(?:error|fatal)"/.test(line));
  t.strictSame(wrong.slice(0, 5), [], 'no fault of ours in the log');
  t.equal(({} as { polluted?: true }).polluted, undefined);
  const whoami = { authorization: `Bearer ${alice.accessToken}` };
  const path = '/_matrix/client/v3/account/whoami';
  t.equal((await send({ method: 'GET', path, headers: whoami })).status, 200);
});

t.test('a socket is closed for a hostile frame, and for nothing else', async (t) => {
  const url = `${server.url.replace('http', 'ws')}/_matrix/client/unstable/dev.candor.ws/sync`;
  const protocols = ['dev.candor.sync.v1', `dev.candor.access_token.${alice.accessToken}`];
  const closedWith = (frame: string | Uint8Array<ArrayBuffer>): Promise<number> =>
    new Promise((resolve) => {
      const socket = new WebSocket(url, protocols);
      socket.onopen = () => socket.send(frame);
      socket.onclose = ({ code }) => resolve(code);
      // Only good frames are answered.
      socket.onmessage = () => socket.close(3000);
    });
  for (const frame of [
    '',
    '{',
    'null',
    '7',
    '[]',
    '{"since":7}',
    '{"since":{}}',
    '{"since":"\\ud800"}',
    '{"full_state":"yes"}',
    '{"full_state":true,"full_state":true}',
    `${'['.repeat(5_000)}${']'.repeat(5_000)}`,
    Uint8Array.of(0, 255),
  ])
    t.equal(await closedWith(frame), 4400, String(frame).slice(0, 40));
  for (const frame of ['{"since":"constructor"}', '{"since":"s-1_9e9"}', '{"filter":"\\u0000"}'])
    t.ok([4400, 3000].includes(await closedWith(frame)), frame);
  t.equal(await closedWith('x'.repeat(limits.socketFrameBytesMax + 1)), 1009);
  t.equal(
    await closedWith('{"__proto__":{},"more":1}'),
    3000,
    'what is more than is needed is no fault',
  );
  const wrong = server.logLines.filter((line) => /"level":"(?:error|fatal)"/.test(line));
  t.strictSame(wrong.slice(0, 5), []);
});
