import { limits } from '@candor/spec';
import { memberOf } from '../signal/member-of.ts';

export type RequestFailure = {
  /** HTTP status; undefined when there was no answer. */
  readonly status?: number | undefined;
  /** JSON body of the answer, if it was one. */
  readonly body?: unknown;
  /** The `Retry-After` header of the answer. */
  readonly retryAfter?: string | null;
  readonly cause?: unknown;
};

/** Milliseconds of a `Retry-After` header, which has seconds or a date; NaN for anything else. */
// https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
const headerMs = (value: string): number =>
  /^\d+$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - Date.now();

/** A request that the homeserver refused, or that got no answer. */
export class RequestError extends Error {
  readonly status: number | undefined;
  readonly errcode: string | undefined;
  readonly body: unknown;
  /** How long the server asks to wait, in milliseconds. */
  readonly retryAfterMs: number;

  constructor(request: string, { status, body, retryAfter, cause }: RequestFailure) {
    const [errcode, error] = [memberOf(body, 'errcode'), memberOf(body, 'error')];
    const said = [status ?? 'no answer', errcode, error].filter((part) => part !== undefined);
    super(`${request}: ${said.join(' ')}`, { cause });
    this.name = 'RequestError';
    this.status = status;
    this.errcode = typeof errcode === 'string' ? errcode : undefined;
    this.body = body;
    // https://spec.matrix.org/v1.19/client-server-api/#rate-limiting
    const asked = [headerMs(retryAfter ?? ''), memberOf(body, 'retry_after_ms')];
    const ms = asked.find((one) => typeof one === 'number' && one > 0);
    this.retryAfterMs = Math.min(Number(ms ?? 0), limits.clientRetryAfterMsMax);
  }

  /** Whether it was given up because the answer took too long. */
  get isTimeout(): boolean {
    return this.cause instanceof Error && this.cause.name === 'TimeoutError';
  }

  /** Whether the same request may succeed later. */
  get isPassing(): boolean {
    const { status } = this;
    if (status === undefined || status === 408 || status === 429) return true;
    // A success that is no JSON was cut off, or is the word of something in between.
    return status >= 500 || status < 300;
  }
}
