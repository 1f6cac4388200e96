import type { KeyObject } from 'node:crypto';
import { limits } from '@candor/spec';
import type { JsonObject } from '../events/room-event.ts';
import { isObject } from '../json/is-object.ts';
import { isSignedBy, readKeyDocument, type StoredKeys } from './key-documents.ts';
import type { PeerClient, PeerRequest } from './peer-client.ts';
import { createSlots } from './slots.ts';
import type { TransportLog } from './transport-log.ts';

export type KeyRequest = {
  readonly serverName: string;
  readonly keyId: string;
  /** The key must count at this time, in milliseconds; 0 asks for the key whatever its time. */
  readonly minimumValidUntil: number;
};

export type KeyFetcherOptions = {
  readonly serverName: string;
  readonly client: Pick<PeerClient, 'request'>;
  readonly trustedKeyServers: readonly string[];
  readonly now: () => number;
  readonly log?: TransportLog;
  /** Takes what a document brought into memory and the store. */
  readonly accept: (fresh: StoredKeys, from: 'server' | 'notary') => Promise<void>;
  /** For the notaries' own keys. */
  readonly keysFor: (requests: readonly KeyRequest[]) => Promise<Map<KeyRequest, KeyObject>>;
};

type Wanted = ReadonlyMap<string, readonly KeyRequest[]>;

/** Chunks of at most `size` entries. */
const chunk = (wanted: Wanted, size: number): Wanted[] => {
  const entries = [...wanted];
  const chunks = Math.ceil(entries.length / size);
  return Array.from({ length: chunks }, (_, i) => new Map(entries.slice(i * size, (i + 1) * size)));
};

const queryOf = (wanted: Wanted) => ({
  server_keys: Object.fromEntries(
    [...wanted].map(([serverName, requests]) => [
      serverName,
      Object.fromEntries(
        requests.map(({ keyId, minimumValidUntil }) => [
          keyId,
          { minimum_valid_until_ts: minimumValidUntil },
        ]),
      ),
    ]),
  ),
});

/** Whether one of the notary's current keys signed the document. */
const isSignedByNotary = async (
  document: JsonObject,
  notary: string,
  { keysFor, now }: KeyFetcherOptions,
): Promise<boolean> => {
  const all = document['signatures'];
  const signatures = isObject(all) && Object.hasOwn(all, notary) ? all[notary] : undefined;
  const requests = Object.keys(isObject(signatures) ? signatures : {})
    .slice(0, limits.keysPerServerMax)
    .map((keyId) => ({ serverName: notary, keyId, minimumValidUntil: now() }));
  const keys = await keysFor(requests);
  return [...keys].some(([{ keyId }, key]) => isSignedBy(document, notary, keyId, key));
};

/** The documents that were asked for and carry both signatures. */
const readNotaryAnswer = async (
  body: unknown,
  notary: string,
  wanted: Wanted,
  options: KeyFetcherOptions,
): Promise<StoredKeys[]> => {
  const list = isObject(body) ? body['server_keys'] : undefined;
  const accepted: StoredKeys[] = [];
  for (const document of Array.isArray(list) ? list : []) {
    const serverName = isObject(document) ? document['server_name'] : undefined;
    if (typeof serverName !== 'string' || !wanted.has(serverName)) continue;
    const reading = readKeyDocument(document, serverName, options.now());
    if (!reading.valid) continue;
    const { stored } = reading;
    if (await isSignedByNotary(stored.document, notary, options)) accepted.push(stored);
  }
  return accepted;
};

/** Fetches key documents; each source resolves to whether it brought one for the server. None rejects. */
export const createKeyFetcher = (options: KeyFetcherOptions) => {
  const { client, now, log } = options;
  const withSlot = createSlots(limits.keyFetchesMax);

  const request = (what: Omit<PeerRequest, 'unsigned' | 'timeoutMs'>) =>
    withSlot(() =>
      client.request({ ...what, unsigned: true, timeoutMs: limits.keyFetchTimeoutMs }),
    );

  const attempt = (source: string, asking: Promise<ReadonlySet<string>>) =>
    asking.catch((error: unknown): ReadonlySet<string> => {
      log?.debug({ source, error: String(error) }, 'no keys');
      return new Set();
    });

  // https://spec.matrix.org/v1.19/server-server-api/#get_matrixkeyv2server
  const askServer = async (serverName: string): Promise<ReadonlySet<string>> => {
    const { body } = await request({
      destination: serverName,
      method: 'GET',
      path: '/_matrix/key/v2/server',
      maxBytes: limits.keyDocumentBytesMax,
    });
    const reading = readKeyDocument(body, serverName, now());
    if (!reading.valid) throw new Error(reading.reason);
    await options.accept(reading.stored, 'server');
    return new Set([serverName]);
  };

  // https://spec.matrix.org/v1.19/server-server-api/#post_matrixkeyv2query
  const askNotary = async (notary: string, wanted: Wanted): Promise<ReadonlySet<string>> => {
    const { body } = await request({
      destination: notary,
      method: 'POST',
      path: '/_matrix/key/v2/query',
      content: queryOf(wanted),
      retryable: true,
      maxBytes: limits.keyQueryBytesMax,
    });
    const accepted = await readNotaryAnswer(body, notary, wanted, options);
    for (const stored of accepted) await options.accept(stored, 'notary');
    return new Set(accepted.map(({ serverName }) => serverName));
  };

  return {
    fromServer: async (serverName: string): Promise<boolean> =>
      (await attempt(serverName, askServer(serverName))).has(serverName),

    /** One query per notary for all servers at once; the answer gives the sources of each server. */
    fromNotaries: (wanted: Wanted): ((serverName: string) => Promise<boolean>[]) => {
      // A notary's own keys come from itself alone: two notaries would wait for each other.
      const isNotary = (name: string) => options.trustedKeyServers.includes(name);
      const asked = new Map([...wanted].filter(([name]) => !isNotary(name)));
      const answers = options.trustedKeyServers
        .filter((notary) => notary !== options.serverName)
        .flatMap((notary) =>
          chunk(asked, limits.keyQueryServersMax).map((part) => ({
            part,
            answer: attempt(notary, askNotary(notary, part)),
          })),
        );
      return (serverName) =>
        answers
          .filter(({ part }) => part.has(serverName))
          .map(({ answer }) => answer.then((brought) => brought.has(serverName)));
    },
  };
};
