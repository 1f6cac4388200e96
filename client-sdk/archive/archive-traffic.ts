import { isObject, type JsonObject } from '@candor/federation';
import { clientServer, limits } from '@candor/spec';
import type { HomeserverApi } from '../api/homeserver-api.ts';
import { RequestError } from '../api/request-error.ts';
import type { Envelope } from '../signal/plaintext.ts';
import type { SignalEngine } from '../signal/signal-engine.ts';
import { yieldEvery } from '../signal/yield-every.ts';
import type { Store } from '../stores/store.ts';
import type { Row } from '../stores/tables.ts';
import type { ArchiveKeys } from './archive-keys.ts';
import { sealedEvent } from './sealed-event.ts';

/** What an archive works with. */
export type ArchiveContext = {
  readonly api: HomeserverApi;
  readonly engine: SignalEngine;
  readonly store: Store;
  readonly userId: string;
  readonly onProblem: (error: unknown) => void;
};
export type OpenArchive = { readonly version: string; readonly keys: ArchiveKeys };

type TimelineRow = Row<'timeline'>;

/** The relation is left out: it stands outside of the encryption and comes back with the event. */
const envelopeOf = (row: TimelineRow): Envelope => {
  const { 'm.relates_to': _outside, ...content } = row.content ?? {};
  return {
    v: 1,
    room_id: row.roomId,
    sender: row.sender,
    sender_device: row.senderDevice ?? '',
    type: row.type,
    content,
    txn_id: row.txnId ?? '',
    ...(row.distributionId !== null && { distribution_id: row.distributionId }),
  };
};

/** An entry of a backup. No entry is better than another, so servers keep the first. */
// https://spec.matrix.org/v1.19/client-server-api/#server-side-key-backups
const entryOf = ({ keys }: OpenArchive, userId: string, row: TimelineRow) => {
  const { roomId, eventId, sender } = row;
  return {
    first_message_index: 0,
    forwarded_count: 0,
    is_verified: true,
    session_data: sealedEvent.seal(keys, { userId, roomId, eventId, sender }, envelopeOf(row)),
  };
};

type Entries = Record<string, ReturnType<typeof entryOf>>;

/** The body of an upload. Sealing takes about a millisecond, so others get their turn in between. */
const bodyOf = async (archive: OpenArchive, userId: string, rows: readonly TimelineRow[]) => {
  const pause = yieldEvery(limits.eventLoopHoldMsMax);
  const rooms = new Map<string, { readonly sessions: Entries }>();
  for (const row of rows) {
    const room = rooms.get(row.roomId) ?? { sessions: {} };
    rooms.set(row.roomId, room);
    room.sessions[sealedEvent.idOf(archive.keys, row.roomId, row.eventId)] = entryOf(
      archive,
      userId,
      row,
    );
    await pause();
  }
  return { rooms: Object.fromEntries(rooms) };
};

/** The oldest messages that are not in the archive, as many as go into one request. */
const nextRows = (store: Store): TimelineRow[] => {
  const rows = (['decrypted', 'restored'] as const).flatMap((state) => {
    const where = { archived: false, state };
    return store.all('timeline', { where, orderBy: 'position', limit: limits.archiveBatchEvents });
  });
  let bytes = 0;
  const fitting = rows.slice(0, limits.archiveBatchEvents).filter((row) => {
    bytes += JSON.stringify(row.content).length;
    return bytes <= limits.archiveBatchBytesMax;
  });
  return fitting.length > 0 ? fitting : rows.slice(0, 1);
};

/** Notes for rows, as they are by now, whether the archive has them. It is alone with the engine. */
const mark = async (
  { engine }: ArchiveContext,
  rows: readonly TimelineRow[],
  archived: boolean,
): Promise<void> => {
  await engine.receive({}, (tx) => {
    for (const { roomId, eventId } of rows) {
      const row = tx.get('timeline', { roomId, eventId });
      if (row) tx.put('timeline', { ...row, archived });
    }
  });
};

const isTooMuch = (error: unknown): boolean =>
  error instanceof RequestError &&
  (error.status === 413 || (error.status === 400 && error.errcode !== 'M_RESOURCE_LIMIT_EXCEEDED'));

const upload = async (
  context: ArchiveContext,
  archive: OpenArchive,
  rows: readonly TimelineRow[],
): Promise<void> => {
  const { api, userId } = context;
  const query = { version: archive.version };
  try {
    const body = await bodyOf(archive, userId, rows);
    await api.call(clientServer.putRoomKeys, { query, body });
  } catch (error) {
    if (!isTooMuch(error)) throw error;
    const half = Math.ceil(rows.length / 2);
    if (rows.length > 1) {
      await upload(context, archive, rows.slice(0, half));
      return upload(context, archive, rows.slice(half));
    }
    // One that the server never takes is left out, so that it does not hold up the others.
    context.onProblem(error);
  }
  await mark(context, rows, true);
};

const forget = async (
  context: ArchiveContext,
  { version, keys }: OpenArchive,
  row: TimelineRow,
): Promise<void> => {
  const { roomId, eventId } = row;
  const params = { roomId, sessionId: sealedEvent.idOf(keys, roomId, eventId) };
  try {
    await context.api.call(clientServer.deleteRoomKeyBySessionId, { params, query: { version } });
  } catch (error) {
    // Nothing is there to forget, or the whole archive is gone.
    if (!(error instanceof RequestError) || error.errcode !== 'M_NOT_FOUND') throw error;
  }
  await mark(context, [row], false);
};

/** Between the store and the backup on the server, a request at a time. */
export const archiveTraffic = {
  /**
   * Puts the next messages into the archive, or takes a redacted one out; false when there is
   * nothing to do. What a crash leaves unmarked is done again, which changes nothing.
   */
  step: async (context: ArchiveContext, archive: OpenArchive): Promise<boolean> => {
    const where = { archived: true, state: 'undecryptable', reason: 'redacted' } as const;
    const [redacted] = context.store.all('timeline', { where, limit: 1 });
    if (redacted) {
      await forget(context, archive, redacted);
      return true;
    }
    const rows = nextRows(context.store);
    if (rows.length > 0) await upload(context, archive, rows);
    return rows.length > 0;
  },

  /** The sealed entries of a room by their ids. */
  entriesOf: async (
    { api }: ArchiveContext,
    { version }: OpenArchive,
    roomId: string,
  ): Promise<ReadonlyMap<string, JsonObject>> => {
    const parts = { params: { roomId }, query: { version } };
    const { sessions } = await api.call(clientServer.getRoomKeysByRoomId, parts);
    return new Map(
      Object.entries(isObject(sessions) ? sessions : {}).flatMap(([id, entry]) =>
        isObject(entry?.session_data) ? [[id, entry.session_data] as [string, JsonObject]] : [],
      ),
    );
  },
};
