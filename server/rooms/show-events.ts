import { clientEvent, type Json, type JsonObject } from '@candor/federation';
import type { StoredEvent } from '../storage/stored-event.ts';
import type { StepContext } from './place-event.ts';
import { readRedactions } from './read-redactions.ts';

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
  /** Leaves out what stood there before: for the state itself, which can be large. */
  readonly omitReplaced?: boolean;
  /** Leaves out by what an event was redacted, which not every viewer may see alike. */
  readonly omitRedaction?: boolean;
};

/** Which state event stood where each state event now stands. */
const readReplaced = async (
  { rooms }: Pick<StepContext, 'rooms'>,
  events: readonly StoredEvent[],
): Promise<ReadonlyMap<string, StoredEvent>> => {
  const places: { readonly eventId: string; readonly nid: number; readonly keyNid: number }[] = [];
  for (const { event, snapshotNid: nid } of events) {
    if (event.stateKey === undefined || nid === null) continue;
    const keyNid = await rooms.stateKeys.internOne(event.type, event.stateKey);
    places.push({ eventId: event.eventId, nid, keyNid });
  }
  const nids = await rooms.snapshots.lookEach(places);
  const loaded = await rooms.events.loadByNid(nids.filter((nid) => nid !== undefined));
  const replaced = new Map<string, StoredEvent>();
  for (const [index, { eventId }] of places.entries()) {
    const before = loaded.get(nids[index] ?? 0);
    if (before) replaced.set(eventId, before);
  }
  return replaced;
};

/**
 * Events as the client-server API gives them, with everything `unsigned` that this server knows. They must have been
 * found visible to the viewer before.
 */
// https://spec.matrix.org/v1.19/client-server-api/#room-event-format
export const showEvents = async (
  context: StepContext,
  viewer: Viewer,
  events: readonly ShownEvent[],
  { omitRoomId = false, omitReplaced = false, omitRedaction = false }: ShowOptions = {},
): Promise<JsonObject[]> => {
  const { rooms, now } = context;
  const stored = events.map((event) => event.stored);
  const replaced = await readReplaced({ rooms }, omitReplaced ? [] : stored);
  const redactionOf = await readRedactions(context, viewer.userId, omitRedaction ? [] : stored);
  const txnIds = await rooms.sentTransactions.txnIdsOf(viewer);
  const nowMs = now();
  return events.map(({ stored: one, membership }) => {
    const { event } = one;
    const before = replaced.get(event.eventId)?.event;
    const redaction = redactionOf(one);
    const txnId = event.sender === viewer.userId ? txnIds(event.eventId) : undefined;
    const unsigned: Record<string, Json> = {
      age: Math.max(0, nowMs - event.originServerTs),
    };
    if (membership !== undefined) unsigned['membership'] = membership;
    if (txnId !== undefined) unsigned['transaction_id'] = txnId;
    if (redaction) unsigned['redacted_because'] = redaction;
    if (before) {
      unsigned['prev_content'] = before.content;
      unsigned['replaces_state'] = before.eventId;
    }
    return clientEvent(event, { omitRoomId, unsigned });
  });
};
