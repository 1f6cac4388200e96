import { isObject, type JsonObject } from '@candor/federation';
import { createSlots, type PeerClient, PeerError } from '@candor/federation/transport';
import { limits } from '@candor/spec';

/** Why a server gave no keys, as clients see it; what went wrong inside the other server is not for them. */
export type ServerFailure = { readonly errcode: string; readonly error: string };

export type ServerOutcome =
  | { readonly answer: JsonObject; readonly failure?: never }
  | { readonly failure: ServerFailure; readonly answer?: never };

const failureOf = ({ kind }: PeerError): ServerFailure => {
  if (kind === 'denied') return { errcode: 'M_FORBIDDEN', error: 'The server is not allowed here' };
  return kind === 'timeout'
    ? { errcode: 'M_CONNECTION_TIMEOUT', error: 'The server did not answer in time' }
    : { errcode: 'M_CONNECTION_FAILED', error: 'The server gave no answer' };
};

/** Puts one question to several servers, all within the time; each outcome comes on its own. Only faults of our own reject. */
export const askServers = (
  client: PeerClient,
  path: string,
  bodies: ReadonlyMap<string, JsonObject>,
  timeoutMs: number,
): ReadonlyMap<string, Promise<ServerOutcome>> => {
  const withSlot = createSlots(limits.keysServersAtOnceMax);
  const signal = AbortSignal.timeout(timeoutMs);
  const ask = async (destination: string, content: JsonObject): Promise<ServerOutcome> => {
    try {
      const { body } = await withSlot(() => {
        if (signal.aborted) throw new PeerError('timeout', `${destination}: no time left`);
        const maxBytes = limits.keysBodyBytesMax;
        return client.request({ destination, method: 'POST', path, content, maxBytes, signal });
      });
      if (isObject(body)) return { answer: body };
      throw new PeerError('bad-answer', `${destination}: no object`);
    } catch (error) {
      if (error === signal.reason) return { failure: failureOf(new PeerError('timeout', '')) };
      if (error instanceof PeerError) return { failure: failureOf(error) };
      throw error;
    }
  };
  return new Map([...bodies].map(([server, body]) => [server, ask(server, body)]));
};

/** The time a client is ready to wait for other servers, in milliseconds, within our limits. */
export const keysTimeoutMs = (asked: number | undefined): number =>
  Math.min(asked ?? limits.keysTimeoutMsDefault, limits.keysTimeoutMsMax);
