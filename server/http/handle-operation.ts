import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { limits, type Operation } from '@candor/spec';
import type { Context as KoaContext } from 'koa';
import { addressNetwork } from '../accounts/address-network.ts';
import type { Session } from '../accounts/sessions.ts';
import type { Context } from '../context.ts';
import { DiskFull } from '../storage/free-space.ts';
import { Answer } from './answer.ts';
import { authenticateServer } from './authenticate-server.ts';
import { authenticateUser } from './authenticate-user.ts';
import { clientAddress } from './client-address.ts';
import type { Draining } from './draining.ts';
import { goesOnWhenFull } from './goes-on-when-full.ts';
import type { RateLimit } from './rate-limit.ts';
import { openByteBody, type ReceivedBody, readJsonBody } from './read-body.ts';
import type { RouteMatch } from './route-table.ts';

export type HandleOptions = {
  readonly rateLimit: RateLimit | undefined;
  /** `X-Forwarded-For` is believed. */
  readonly behindProxy: boolean;
  /** Check each answer against the operation's response schema. */
  readonly checkAnswers: boolean;
  readonly draining: Draining;
};

/** What handlers see as their request; types per operation are `Request<O>`. */
class IncomingRequest {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
  readonly caller: Session | undefined;
  readonly origin: string | undefined;
  readonly address: string;
  readonly #koa: KoaContext;
  readonly #draining: Draining;
  #signal: AbortSignal | undefined;

  constructor(
    koa: KoaContext,
    draining: Draining,
    parts: Pick<IncomingRequest, 'params' | 'query' | 'body' | 'caller' | 'origin' | 'address'>,
  ) {
    this.#koa = koa;
    this.#draining = draining;
    this.params = parts.params;
    this.query = parts.query;
    this.body = parts.body;
    this.caller = parts.caller;
    this.origin = parts.origin;
    this.address = parts.address;
  }

  get headers(): IncomingMessage['headers'] {
    return this.#koa.req.headers;
  }

  get userAgent(): string | undefined {
    return this.headers['user-agent'];
  }

  /** Made when it is first asked for: most handlers never wait. */
  get signal(): AbortSignal {
    if (!this.#signal) {
      const controller = new AbortController();
      const stopWaiting = this.#draining.onBegin(() => controller.abort());
      this.#koa.res.once('close', () => {
        stopWaiting();
        controller.abort();
      });
      this.#signal = controller.signal;
    }
    return this.#signal;
  }
}

const readBody = async (operation: Operation, incoming: IncomingMessage): Promise<ReceivedBody> => {
  if (operation.body === undefined) return { value: undefined };
  if (operation.body === 'bytes') {
    return { value: openByteBody(incoming, operation.bodyBytesMax ?? limits.mediaUploadBytesMax) };
  }
  const bytesMax = operation.bodyBytesMax ?? limits.requestBodyBytesMax;
  return readJsonBody(incoming, bytesMax, operation.bodyDepthMax);
};

const isObjectSchema = (schema: Operation['body']): boolean =>
  typeof schema === 'object' && 'type' in schema && schema.type === 'object';

/** A stream that cannot be opened makes an error answer, not half of a good one. */
const firstBytes = (stream: Readable): Promise<void> =>
  new Promise((resolve, reject) => {
    if (stream.readableEnded || stream.readableLength > 0) resolve();
    stream.once('readable', resolve).once('end', resolve).once('error', reject);
  });

const writeAnswer = async (koa: KoaContext, answer: unknown): Promise<void> => {
  const fields = answer instanceof Answer ? answer.fields : { body: JSON.stringify(answer) };
  if (fields.body instanceof Readable) await firstBytes(fields.body);
  if (fields.headers) koa.set(fields.headers);
  if (fields.body !== undefined) koa.set('Content-Type', fields.contentType ?? 'application/json');
  if (fields.length !== undefined) koa.length = fields.length;
  koa.body = fields.body ?? null;
  // After the body: koa takes an empty one for a 204.
  koa.status = fields.status ?? 200;
};

/** The way of every request, in order: caller, rate limit, body, schemas, handler, answer. Refusals are thrown. */
export const handleOperation = async (
  context: Context,
  koa: KoaContext,
  { route, params }: RouteMatch,
  queryText: string,
  options: HandleOptions,
): Promise<void> => {
  const { operation, schema } = route;
  const { req } = koa;
  const address = clientAddress(req, options.behindProxy);
  const byUser = operation.auth === 'accessToken' || operation.auth === 'accessTokenOptional';
  const caller = byUser
    ? await authenticateUser(context, operation, req.headers.authorization, queryText)
    : undefined;
  if (options.rateLimit && operation.rateLimit) {
    options.rateLimit(operation.rateLimit, caller?.userId ?? addressNetwork(address));
  }

  if (context.db.space?.isShort && !goesOnWhenFull(operation)) throw new DiskFull();

  const received = await readBody(operation, req);
  // The signature covers the body, so another server is known only once it is read.
  const origin =
    operation.auth === 'signedRequest'
      ? await authenticateServer(context, req, received)
      : undefined;
  let body = received.value;
  if (body === undefined && isObjectSchema(operation.body)) body = {};
  const query = schema.readQuery(queryText);
  schema.check('params', params);
  schema.check('query', query);
  if (operation.body !== 'bytes') body = schema.readBody(body);

  if (caller) noteUse(context, caller, address, req.headers['user-agent']);
  const request = new IncomingRequest(koa, options.draining, {
    params,
    query,
    body,
    caller,
    origin,
    address,
  });
  const answer = await route.handler(context as never, request as never);
  if (options.checkAnswers && !(answer instanceof Answer)) {
    const fault = schema.faultOfAnswer(answer);
    if (fault) throw new Error(`the answer of ${operation.id} breaks its schema: ${fault}`);
  }
  await writeAnswer(koa, answer);
};

const noteUse = (
  { accounts, now }: Context,
  { userId, deviceId }: Session,
  address: string,
  agent: string | undefined,
): void => accounts.lastSeen.note({ userId, deviceId, at: now(), address, agent });
