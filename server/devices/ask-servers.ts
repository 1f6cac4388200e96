import { isObject, type Json, type JsonObject } from '@candor/federation';
import { createSlots, type PeerClient, PeerError } from '@candor/federation/transport';
import { limits } from '@candor/spec';

/** Why a server gave no keys, as clients see it; what went wrong inside the other server is not for them. */
export type ServerFailure = { readonly errcode: string; readonly error: string };

/** What became of the question about some users of one server. */
export type ServerOutcome = { readonly userIds: readonly string[] } & (
  | { readonly answer: JsonObject; readonly failure?: never }
  | { readonly failure: ServerFailure; readonly answer?: never }
);

export type ServerQuestion = {
  readonly path: string;
  /** Under which the body names users, each with what is asked of them. */
  readonly member: 'device_keys' | 'one_time_keys';
};

type Asked = readonly (readonly [userId: string, what: Json])[];

const failureOf = ({ kind }: PeerError): ServerFailure => {
  if (kind === 'denied') return { errcode: 'M_FORBIDDEN', error: 'The server is not allowed here' };
  return kind === 'timeout'
    ? { errcode: 'M_CONNECTION_TIMEOUT', error: 'The server did not answer in time' }
    : { errcode: 'M_CONNECTION_FAILED', error: 'The server gave no answer' };
};

/** The keys of one user can make an answer too long, or no JSON. */
const isUnreadable = (error: unknown): boolean =>
  error instanceof PeerError && (error.kind === 'too-large' || error.kind === 'bad-answer');

/**
 * Asks servers about users of theirs, all within the time; the outcomes of each come on their own. An answer that
 * cannot be read is asked for again by halves, so that it fails only whose keys are to blame. Only faults of our own
 * reject.
 */
export const askServers = (
  client: PeerClient,
  { path, member }: ServerQuestion,
  servers: ReadonlyMap<string, Asked>,
  timeoutMs: number,
): ReadonlyMap<string, Promise<readonly ServerOutcome[]>> => {
  const withSlot = createSlots(limits.keysServersAtOnceMax);
  const signal = AbortSignal.timeout(timeoutMs);
  const request = async (destination: string, users: Asked): Promise<JsonObject> => {
    const content = { [member]: Object.fromEntries(users) };
    const { body } = await withSlot(() => {
      if (signal.aborted) throw new PeerError('timeout', `${destination}: no time left`);
      const maxBytes = limits.keysBodyBytesMax;
      return client.request({ destination, method: 'POST', path, content, maxBytes, signal });
    });
    if (isObject(body)) return body;
    throw new PeerError('bad-answer', `${destination}: no object`);
  };
  const ask = async (destination: string, users: Asked): Promise<readonly ServerOutcome[]> => {
    const userIds = users.map(([userId]) => userId);
    try {
      return [{ userIds, answer: await request(destination, users) }];
    } catch (error) {
      if (isUnreadable(error) && users.length > 1) {
        const half = Math.ceil(users.length / 2);
        const first = await ask(destination, users.slice(0, half));
        return [...first, ...(await ask(destination, users.slice(half)))];
      }
      const reason = error === signal.reason ? new PeerError('timeout', '') : error;
      if (!(reason instanceof PeerError)) throw error;
      return [{ userIds, failure: failureOf(reason) }];
    }
  };
  return new Map([...servers].map(([server, users]) => [server, ask(server, users)]));
};

/** The time a client is ready to wait for other servers, in milliseconds, within our limits. */
export const keysTimeoutMs = (asked: number | undefined): number =>
  Math.min(asked ?? limits.keysTimeoutMsDefault, limits.keysTimeoutMsMax);
