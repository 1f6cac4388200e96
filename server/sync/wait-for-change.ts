import { setTimeout as after } from 'node:timers/promises';
import { limits, MatrixError } from '@candor/spec';
import type { Context } from '../context.ts';
import type { PlacedChange } from '../notifier.ts';
import type { StreamPosition } from '../storage/stream-clock.ts';
import { concerns } from './gather-changes.ts';
import type { SyncRequest } from './sync-scope.ts';
import { type SyncBody, writeBody } from './write-body.ts';

export type WaitOptions = {
  readonly timeoutMs: number;
  /** Aborted when there is nobody to wait for, or the server drains. */
  readonly signal: AbortSignal;
};

const endsSession = ({ change }: PlacedChange, { userId, deviceId }: SyncRequest): boolean =>
  change.kind === 'sessionEnded' &&
  change.userId === userId &&
  (change.deviceId === undefined || change.deviceId === deviceId);

/** Hears what concerns a session from now on. */
class Watch {
  /** Of the first change since `rest`. */
  firstAt: StreamPosition | undefined;
  hasEnded = false;
  #wake: () => void = () => undefined;
  readonly stop: () => void;

  constructor({ notifier }: Context, request: SyncRequest) {
    this.stop = notifier.onWake(request.userId, (placed) => {
      this.firstAt ??= placed.position;
      if (endsSession(placed, request)) this.hasEnded = true;
      this.#wake();
    });
  }

  /** Resolves at a change, or when the time is up; says whether there was a change. */
  async next(ms: number, signal: AbortSignal): Promise<boolean> {
    if (this.firstAt === undefined && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const end = () => {
          clearTimeout(timer);
          signal.removeEventListener('abort', end);
          resolve();
        };
        const timer = setTimeout(end, ms);
        signal.addEventListener('abort', end);
        this.#wake = end;
      });
    }
    return this.firstAt !== undefined;
  }
}

/**
 * Lets what is being written come to its end: a client finds what it was told is done, even when something before it
 * in the stream is still under way. Not for long, as a write may hang.
 */
const letWritesEnd = async ({ db }: Context): Promise<void> => {
  const settled = db.clock.settled();
  if (settled === undefined) return;
  await Promise.race([settled, after(limits.syncSettleMsMax, undefined, { ref: false })]);
};

/** What the client begins with; made again only when something has happened since it was last made. */
const initialBody = (
  context: Context,
  request: SyncRequest,
  signal: AbortSignal,
): Promise<SyncBody> => {
  const { notifier, sync } = context;
  const isAsNew = ({ next }: SyncBody) => {
    const told = notifier.since(next.position);
    return told?.every(({ change }) => !concerns(change, request.userId)) ?? false;
  };
  const { userId, deviceId, filter, fullState, useStateAfter } = request;
  const key = JSON.stringify([userId, deviceId, filter, fullState, useStateAfter]);
  return sync.initialAnswers.of(key, isAsNew, () => writeBody(context, request), signal);
};

/**
 * The first body after `since` that says anything, or an empty one when the time is up. Throws M_UNKNOWN_TOKEN when the
 * session ends meanwhile.
 */
export const waitForBody = async (
  context: Context,
  request: SyncRequest,
  { timeoutMs, signal }: WaitOptions,
): Promise<SyncBody> => {
  await letWritesEnd(context);
  if (request.since === undefined) return initialBody(context, request, signal);
  const endAt = performance.now() + timeoutMs;
  const watch = new Watch(context, request);
  try {
    let body = await writeBody(context, request);
    for (;;) {
      if (watch.hasEnded) throw new MatrixError('M_UNKNOWN_TOKEN', 'the session has ended');
      const leftMs = endAt - performance.now();
      if (!body.isEmpty || request.fullState || leftMs <= 0 || signal.aborted) return body;
      const wasWoken = await watch.next(leftMs, signal);
      if (signal.aborted) return body;
      // What happens in the next few milliseconds goes along.
      if (wasWoken && !watch.hasEnded) await after(limits.notifyCoalesceMs);
      const quietUntil = (watch.firstAt ?? context.db.clock.committed + 1) - 1;
      watch.firstAt = undefined;
      body = await writeBody(context, request, quietUntil);
    }
  } finally {
    watch.stop();
  }
};
