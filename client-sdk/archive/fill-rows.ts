import type { JsonObject } from '@candor/federation';
import { limits } from '@candor/spec';
import { type Envelope, plaintext } from '../signal/plaintext.ts';
import { roomEvents } from '../signal/room-events.ts';
import { signalNames } from '../signal/signal-names.ts';
import { yieldEvery } from '../signal/yield-every.ts';
import type { TableWriter } from '../stores/store.ts';
import type { Row } from '../stores/tables.ts';
import type { ArchiveContext, OpenArchive } from './archive-traffic.ts';
import { sealedEvent } from './sealed-event.ts';

type TimelineRow = Row<'timeline'>;

/** What could not be read and may be restored: neither what was refused nor what was redacted. */
const isLacking = ({ state, ciphertext }: TimelineRow): boolean =>
  (state === 'undecryptable' || state === 'waiting') && ciphertext !== null;

const open = (
  { keys }: OpenArchive,
  userId: string,
  row: TimelineRow,
  sealed: unknown,
): Envelope | undefined => {
  const { roomId, eventId, sender, senderDevice, distributionId } = row;
  const envelope = sealedEvent.open(keys, { userId, roomId, eventId, sender }, sealed);
  const outer = {
    ...{ roomId, sender, senderDevice: senderDevice ?? '' },
    ...(distributionId !== null && { distributionId }),
  };
  if (!envelope || plaintext.contradiction(envelope, outer)) return undefined;
  const isInternal = envelope.type.startsWith('dev.candor.signal.');
  return isInternal || envelope.type === signalNames.encryptedEvent ? undefined : envelope;
};

type Found = { readonly row: TimelineRow; readonly envelope?: Envelope };

const write = (tx: TableWriter, { row: { roomId, eventId }, envelope }: Found): boolean => {
  const row = tx.get('timeline', { roomId, eventId });
  if (row?.reason === 'redacted') {
    // Another device archived it and may be gone: this one sees to it that it is forgotten.
    tx.put('timeline', { ...row, archived: true });
    return false;
  }
  if (!row || !envelope || !isLacking(row)) return false;
  const read = roomEvents.takeResent(tx, row, envelope);
  tx.put('timeline', { ...read, state: 'restored', archived: true });
  return true;
};

/**
 * Restores, from the entries of a room, what this device cannot read of it, or with `eventsMax` the
 * oldest of that. Gives the number of messages restored.
 */
export const fillRows = async (
  { engine, store, userId }: ArchiveContext,
  archive: OpenArchive,
  roomId: string,
  entries: ReadonlyMap<string, JsonObject>,
  eventsMax?: number,
): Promise<number> => {
  const pause = yieldEvery(limits.eventLoopHoldMsMax);
  const bound = eventsMax === undefined ? {} : ({ orderBy: 'position', limit: eventsMax } as const);
  const rows = (['waiting', 'undecryptable'] as const).flatMap((state) =>
    store.all('timeline', { where: { roomId, state }, ...bound }),
  );
  const found: Found[] = [];
  for (const row of rows) {
    const sealed = entries.get(sealedEvent.idOf(archive.keys, roomId, row.eventId));
    const envelope = sealed && isLacking(row) ? open(archive, userId, row, sealed) : undefined;
    if (sealed) found.push({ row, ...(envelope && { envelope }) });
    await pause();
  }
  if (found.length === 0) return 0;
  // Alone with the engine: it may be about to read the same events.
  let restored = 0;
  await engine.receive({}, (tx) => {
    restored = found.filter((one) => write(tx, one)).length;
  });
  return restored;
};
