import { memberOf } from '../signal/member-of.ts';

export type RequestFailure = {
  /** HTTP status; undefined when there was no answer. */
  readonly status?: number | undefined;
  /** JSON body of the answer, if it was one. */
  readonly body?: unknown;
  readonly cause?: unknown;
};

/** A request that the homeserver refused, or that got no answer. */
export class RequestError extends Error {
  readonly status: number | undefined;
  readonly errcode: string | undefined;
  readonly body: unknown;

  constructor(request: string, { status, body, cause }: RequestFailure) {
    const [errcode, error] = [memberOf(body, 'errcode'), memberOf(body, 'error')];
    const said = [status ?? 'no answer', errcode, error].filter((part) => part !== undefined);
    super(`${request}: ${said.join(' ')}`, { cause });
    this.name = 'RequestError';
    this.status = status;
    this.errcode = typeof errcode === 'string' ? errcode : undefined;
    this.body = body;
  }

  /** Whether the same request may succeed later. */
  get isPassing(): boolean {
    const { status } = this;
    return status === undefined || status === 408 || status === 429 || status >= 500;
  }

  /** How long the server asks to wait, in milliseconds. */
  get retryAfterMs(): number {
    const ms = memberOf(this.body, 'retry_after_ms');
    return typeof ms === 'number' && ms > 0 ? ms : 0;
  }
}
