import {
  type BodyOf,
  clientServer,
  type Operation,
  type ParamsOf,
  type QueryOf,
  type ResponseOf,
} from '@candor/spec';
import { memberOf } from '../signal/member-of.ts';
import { type PreparedRequest, sendRequest } from './request.ts';
import { RequestError } from './request-error.ts';

type Part<Name extends string, T> = [T] extends [undefined]
  ? unknown
  : Record<never, never> extends T
    ? { readonly [K in Name]?: T }
    : { readonly [K in Name]: T };

/** What a call of an operation needs: its `params`, `query` and `body`, as far as it has them. */
export type CallParts<O extends Operation> = Part<'params', ParamsOf<O>> &
  Part<'query', QueryOf<O>> &
  Part<'body', BodyOf<O>> & {
    readonly signal?: AbortSignal;
    /** Length of a body of bytes. */
    readonly bodyBytes?: number;
    readonly timeoutMs?: number;
  };

type RequestParts = Omit<PreparedRequest, 'operation' | 'token'>;

export type Tokens = { readonly accessToken: string; readonly refreshToken: string | null };

export type HomeserverApiOptions = {
  readonly baseUrl: string;
  readonly tokens?: Tokens;
  /** Told about new tokens before they are used, to store them. */
  readonly onTokens?: (tokens: Tokens) => void;
};

/** The client-server API of one homeserver as one user; every endpoint is called by its description in the spec. */
export class HomeserverApi {
  readonly baseUrl: string;
  readonly #onTokens: (tokens: Tokens) => void;
  readonly #closing = new AbortController();
  #tokens: Tokens | undefined;
  #refreshing: Promise<void> | undefined;

  constructor({ baseUrl, tokens, onTokens = () => undefined }: HomeserverApiOptions) {
    this.baseUrl = baseUrl;
    this.#tokens = tokens;
    this.#onTokens = onTokens;
  }

  get accessToken(): string | undefined {
    return this.#tokens?.accessToken;
  }

  /** Makes the call; the shape of the answer is the server's word. */
  call<O extends Operation>(operation: O, parts: CallParts<O>): Promise<ResponseOf<O>> {
    return this.send(operation, parts) as Promise<ResponseOf<O>>;
  }

  /** The same without types. An access token that has expired is renewed once. */
  async send(operation: Operation, parts: RequestParts): Promise<unknown> {
    const tokens = this.#tokens;
    const closing = this.#closing.signal;
    const signal = parts.signal ? AbortSignal.any([parts.signal, closing]) : closing;
    const send = () => {
      const token = operation.auth === 'none' ? undefined : this.accessToken;
      return sendRequest(this.baseUrl, { operation, ...parts, token, signal });
    };
    try {
      return await send();
    } catch (error) {
      const isExpired =
        error instanceof RequestError &&
        error.errcode === 'M_UNKNOWN_TOKEN' &&
        memberOf(error.body, 'soft_logout') === true;
      if (!isExpired || !tokens?.refreshToken) throw error;
      if (this.#tokens === tokens) {
        await this.#refresh(tokens.refreshToken).catch((refusal: unknown) => {
          // Refused for good, by whatever name, there is no way but to sign in.
          const isFinal = refusal instanceof RequestError && !refusal.isPassing;
          throw isFinal ? error : refusal;
        });
      }
      return send();
    }
  }

  /** Breaks off every request, also those to come. */
  close(): void {
    this.#closing.abort();
  }

  // https://spec.matrix.org/v1.19/client-server-api/#refreshing-access-tokens
  #refresh(refreshToken: string): Promise<void> {
    this.#refreshing ??= (async () => {
      const body = { refresh_token: refreshToken };
      const answer = await this.call(clientServer.refresh, { body });
      const next = {
        accessToken: answer.access_token,
        refreshToken: answer.refresh_token ?? refreshToken,
      };
      this.#onTokens(next);
      this.#tokens = next;
    })().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }
}
