import type { Static, TObject, TSchema } from 'typebox';

/** Who may call: nobody asked, a user's access token (or none), an application service, another homeserver. */
export type OperationAuth =
  | 'none'
  | 'accessToken'
  | 'accessTokenOptional'
  | 'appservice'
  | 'signedRequest';

/** Which bucket of the rate limiter a call is charged to; limits per bucket are in `limits.ts`. */
export type RateLimitBucket =
  | 'login'
  | 'register'
  | 'send'
  | 'join'
  | 'media'
  | 'expensive'
  | 'ordinary';

/** One endpoint, described once: routes, validators, types, the OpenAPI document and the conformance checks come from it. */
export type Operation = {
  /** The operationId of the Matrix specification; for operations of our own `candor…`. */
  readonly id: string;
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** Path template as in the specification: `/_matrix/client/v3/rooms/{roomId}/send/{eventType}/{txnId}`. */
  readonly path: string;
  readonly summary: string;
  readonly auth: OperationAuth;
  /** User-interactive authentication applies on top of `auth`. */
  readonly uia?: true;
  readonly rateLimit?: RateLimitBucket;
  readonly deprecated?: true;
  readonly params?: TObject;
  readonly query?: TObject;
  /** JSON body; `'bytes'` means the raw body is handed on as a stream. */
  readonly body?: TSchema | 'bytes';
  /** Schema of the 200 answer; `'bytes'` means the handler writes a stream. */
  readonly response: TSchema | 'bytes';
  /** Largest request body, in bytes, when it differs from `limits.requestBodyBytesMax`. */
  readonly bodyBytesMax?: number;
  /** Deepest nesting of a JSON body, when it differs from `limits.jsonDepthMax`. */
  readonly bodyDepthMax?: number;
  /** The call opens a WebSocket; `response` then describes each frame the server sends. */
  readonly upgrade?: 'websocket';
};

// In this order: to the type checker a text is a schema as well.
type StaticOf<S, Bytes> = S extends 'bytes' ? Bytes : S extends TSchema ? Static<S> : undefined;

/** Types of one operation's parts, for handlers and for typed calls. */
export type ParamsOf<O extends Operation> = O['params'] extends TObject
  ? Static<O['params']>
  : Record<never, never>;
export type QueryOf<O extends Operation> = O['query'] extends TObject
  ? Static<O['query']>
  : Record<never, never>;
/** `Bytes` is the form that raw bodies have where they are used. */
export type BodyOf<O extends Operation, Bytes = ReadableStream<Uint8Array>> = StaticOf<
  O['body'],
  Bytes
>;
export type ResponseOf<O extends Operation, Bytes = ReadableStream<Uint8Array>> = StaticOf<
  O['response'],
  Bytes
>;

/** Keeps the literal types of a description while checking its shape. */
export const operation = <const O extends Operation>(description: O): O => description;
