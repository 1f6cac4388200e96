import { clientEvent, type Json, type JsonObject } from '@candor/federation';
import type { StoredEvent } from '../storage/stored-event.ts';
import type { StepContext } from './place-event.ts';

/** The session that is shown something. */
export type Viewer = { readonly userId: string; readonly deviceId?: string | undefined };

/** An event that was found visible to the viewer. */
export type ShownEvent = {
  readonly stored: StoredEvent;
  /** What the viewer was in the room at the event, where it is known. */
  readonly membership?: string;
};

export type ShowOptions = {
  /** Sync answers group events by room and leave the id out. */
  readonly omitRoomId?: boolean;
};

/** Which state event stood where each state event now stands. */
const readReplaced = async (
  { rooms }: Pick<StepContext, 'rooms'>,
  events: readonly StoredEvent[],
): Promise<ReadonlyMap<string, StoredEvent>> => {
  const wanted: { readonly eventId: string; readonly nid: number }[] = [];
  for (const { event, snapshotNid } of events) {
    if (event.stateKey === undefined || snapshotNid === null) continue;
    const keyNid = await rooms.stateKeys.internOne(event.type, event.stateKey);
    const nid = (await rooms.snapshots.look([snapshotNid], [keyNid])).get(snapshotNid)?.get(keyNid);
    if (nid !== undefined) wanted.push({ eventId: event.eventId, nid });
  }
  const loaded = await rooms.events.loadByNid(wanted.map(({ nid }) => nid));
  return new Map(
    wanted.flatMap(({ eventId, nid }) => {
      const replaced = loaded.get(nid);
      return replaced ? [[eventId, replaced] as const] : [];
    }),
  );
};

/**
 * Events as the client-server API gives them, with everything `unsigned` that this server knows. They must have been
 * found visible to the viewer before.
 */
// https://spec.matrix.org/v1.19/client-server-api/#room-event-format
export const showEvents = async (
  { rooms, now }: Pick<StepContext, 'rooms' | 'now'>,
  viewer: Viewer,
  events: readonly ShownEvent[],
  options: ShowOptions = {},
): Promise<JsonObject[]> => {
  const stored = events.map((event) => event.stored);
  const replaced = await readReplaced({ rooms }, stored);
  const redactions = await rooms.events.load(stored.flatMap((event) => event.redactedBy ?? []));
  const txnIds = await rooms.sentTransactions.txnIdsOf(viewer);
  const nowMs = now();
  return events.map(({ stored: { event, redactedBy }, membership }) => {
    const before = replaced.get(event.eventId)?.event;
    const redaction = redactedBy === null ? undefined : redactions.get(redactedBy);
    const txnId = event.sender === viewer.userId ? txnIds(event.eventId) : undefined;
    const unsigned: Record<string, Json> = {
      age: Math.max(0, nowMs - event.originServerTs),
    };
    if (membership !== undefined) unsigned['membership'] = membership;
    if (txnId !== undefined) unsigned['transaction_id'] = txnId;
    if (redaction) unsigned['redacted_because'] = clientEvent(redaction.event);
    if (before) {
      unsigned['prev_content'] = before.content;
      unsigned['replaces_state'] = before.eventId;
    }
    return clientEvent(event, { ...options, unsigned });
  });
};
