import { clientServer, limits } from '@candor/spec';
import { backOff } from '../api/back-off.ts';
import type { HomeserverApi } from '../api/homeserver-api.ts';
import { RequestError } from '../api/request-error.ts';
import { type SocketEnd, syncOverSocket } from '../api/socket.ts';
import { memberOf } from '../signal/member-of.ts';

/** `live`: everything that happened before is known. */
export type SyncState = 'live' | 'offline' | 'signed-out';

export type SyncLoopOptions = {
  readonly api: HomeserverApi;
  /** The stored token to go on from. */
  readonly since: () => string | null;
  /** Takes in a body and gives its token. */
  readonly apply: (body: unknown) => Promise<string>;
  readonly onState: (state: SyncState, cause?: unknown) => void;
};

// https://spec.matrix.org/v1.19/client-server-api/#lazy-loading-room-members
const filter = JSON.stringify({
  presence: { types: [] },
  room: {
    state: { lazy_load_members: true },
    timeline: { limit: limits.clientTimelineEvents },
  },
});

/** A token that is gone for good; one that can be renewed has been by then. */
const isSignedOut = (error: unknown): boolean =>
  error instanceof RequestError &&
  (error.errcode === 'M_UNKNOWN_TOKEN' || error.errcode === 'M_USER_DEACTIVATED');

const hasSocket = async (api: HomeserverApi, signal: AbortSignal): Promise<boolean> => {
  const { unstable_features: features } = await api.call(clientServer.getVersions, { signal });
  return memberOf(features, 'dev.candor.ws') === true;
};

const syncOnce = async (
  { api, since, apply }: SyncLoopOptions,
  timeout: number,
  patienceMs: number,
  signal: AbortSignal,
): Promise<void> => {
  const token = since();
  const query = { filter, timeout, use_state_after: true, ...(token !== null && { since: token }) };
  const timeoutMs = patienceMs + timeout;
  await apply(await api.call(clientServer.sync, { query, signal, timeoutMs }));
};

const overSocket = async (
  { api, since, apply }: SyncLoopOptions,
  signal: AbortSignal,
): Promise<SocketEnd> => {
  const token = since();
  return syncOverSocket({
    baseUrl: api.baseUrl,
    token: api.accessToken ?? '',
    open: { filter, use_state_after: true, ...(token !== null && { since: token }) },
    onBody: apply,
    signal,
  });
};

/**
 * Syncs until the signal ends: catches up with a plain request, then listens on a WebSocket where
 * the server has one and the way to it lets it through, otherwise with long polls; after a failure
 * again from the stored token.
 */
export const runSyncLoop = async (options: SyncLoopOptions, signal: AbortSignal): Promise<void> => {
  const { api, onState } = options;
  const pause = backOff();
  let mayUseSocket = true;
  let shortSockets = 0;
  let patienceMs: number = limits.clientRequestTimeoutMs;
  while (!signal.aborted) {
    try {
      // A socket is silent when nothing is new, so only this tells that nothing is.
      await syncOnce(options, 0, patienceMs, signal);
      patienceMs = limits.clientRequestTimeoutMs;
      onState('live');
      mayUseSocket = mayUseSocket && (await hasSocket(api, signal));
      if (mayUseSocket) {
        const openedAt = performance.now();
        const end = await overSocket(options, signal);
        const isShort = performance.now() - openedAt < limits.clientBackoffMsMax;
        shortSockets = isShort ? shortSockets + 1 : 0;
        // What stands between may keep sockets silent, or end them after a while: polls pass there.
        const isUseful = end.wasHeard && shortSockets < limits.clientShortSocketsMax;
        mayUseSocket = isUseful && !end.isFinal;
        if (mayUseSocket) {
          onState('offline');
          if (!isShort) pause.reset();
          await pause.wait(signal);
        }
      }
      while (!mayUseSocket && !signal.aborted) {
        const [before, askedAt] = [options.since(), performance.now()];
        await syncOnce(options, limits.clientSyncTimeoutMs, patienceMs, signal);
        const isIdle = options.since() === before;
        // It should have waited for something new.
        if (isIdle && performance.now() - askedAt < limits.clientBackoffMsMin) {
          await pause.wait(signal);
        } else pause.reset();
      }
    } catch (error) {
      if (signal.aborted) break;
      if (isSignedOut(error)) return onState('signed-out', error);
      onState('offline', error);
      // Whatever kept the socket from being of use may be gone by then.
      mayUseSocket = true;
      shortSockets = 0;
      // The first sync of a large account takes some servers minutes.
      const isLate = error instanceof RequestError && error.isTimeout;
      if (isLate) patienceMs = Math.min(patienceMs * 2, limits.clientPatienceMsMax);
      await pause.wait(signal, error instanceof RequestError ? error.retryAfterMs : 0);
    }
  }
  onState('offline');
};
