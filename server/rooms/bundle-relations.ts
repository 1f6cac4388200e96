import { isObject, type Json, type JsonObject, type RoomEvent } from '@candor/federation';
import type { ChildSummary } from '../storage/relations.ts';
import { isWorldReadable, type VisibleEvent, visibleEvents } from './history-visibility.ts';
import { lastDeparture } from './last-departure.ts';
import type { StepContext } from './place-event.ts';
import type { Room } from './room.ts';
import { showEvents, type Viewer } from './show-events.ts';

/** The viewer's children of one event in one way, those that may be seen. */
type Children = {
  readonly summary: ChildSummary;
  readonly newest: readonly VisibleEvent[];
  /** How many the viewer may see. */
  readonly count: number;
};

// https://spec.matrix.org/v1.19/client-server-api/#validity-of-replacement-events
const isReplacement = (original: RoomEvent, edit: RoomEvent): boolean => {
  const relation = original.content['m.relates_to'];
  return (
    edit.sender === original.sender &&
    edit.type === original.type &&
    edit.stateKey === undefined &&
    !(isObject(relation) && relation['rel_type'] === 'm.replace') &&
    (edit.type === 'm.room.encrypted' || isObject(edit.content['m.new_content']))
  );
};

const newestEdit = (original: VisibleEvent, edits: readonly VisibleEvent[]) =>
  edits
    .filter((edit) => isReplacement(original.stored.event, edit.stored.event))
    .sort(({ stored: { event: one } }, { stored: { event: other } }) => {
      const later = other.originServerTs - one.originServerTs;
      return later || (one.eventId < other.eventId ? 1 : -1);
    })[0];

/** Such an event begins no thread itself, so that a chain of them is not followed down to its end. */
// https://spec.matrix.org/v1.19/client-server-api/#validation-of-mthread-relationships
const isInThread = ({ stored }: VisibleEvent): boolean => {
  const relation = stored.event.content['m.relates_to'];
  return isObject(relation) && relation['rel_type'] === 'm.thread';
};

/** Where the history ends for somebody who has left. */
const visibleUntil = async (context: StepContext, room: Room, userId: string): Promise<number> => {
  if (room.joined.has(userId) || isWorldReadable(room)) return Number.MAX_SAFE_INTEGER;
  const departure = await lastDeparture(context, room, userId);
  return departure?.position ?? Number.MAX_SAFE_INTEGER;
};

/**
 * All that have a place in the viewer's history. Of many the newest are looked at and the oldest: where the viewer sees
 * not all of these, there may be more to see than are counted, never less.
 */
const countVisible = (summary: ChildSummary, visible: ReadonlySet<number>): number => {
  const { count, newestNids, oldestNid } = summary;
  const seen = newestNids.filter((nid) => visible.has(nid)).length;
  return seen === newestNids.length && visible.has(oldestNid) ? count : seen;
};

const readChildren = async (
  context: StepContext,
  room: Room,
  { userId }: Viewer,
  parentEventIds: readonly string[],
): Promise<ReadonlyMap<string, readonly Children[]>> => {
  const { roomNid } = room;
  const until = await visibleUntil(context, room, userId);
  const query = { roomNid, parentEventIds, userId, until };
  const summaries = await context.rooms.reads.childSummaries(query);
  const nids = new Set(
    summaries.flatMap(({ newestNids, oldestNid }) => [...newestNids, oldestNid]),
  );
  const loaded = await context.rooms.events.loadByNid(nids);
  const visible = await visibleEvents(context, room, userId, [...loaded.values()]);
  const byNid = new Map(visible.map((event) => [event.stored.eventNid, event]));
  const seen = new Set(byNid.keys());
  const children = summaries.map((summary) => ({
    summary,
    count: countVisible(summary, seen),
    newest: summary.newestNids.flatMap((nid) => byNid.get(nid) ?? []),
  }));
  return Map.groupBy(children, ({ summary }) => summary.parentEventId);
};

const bundleOf = async (
  context: StepContext,
  room: Room,
  viewer: Viewer,
  parent: VisibleEvent,
  { summary, newest, count }: Children,
): Promise<Json | undefined> => {
  const [latest] = newest;
  if (!latest) return undefined;
  if (summary.relType === 'm.reference') {
    return { chunk: newest.map(({ stored }) => ({ event_id: stored.event.eventId })) };
  }
  if (summary.relType === 'm.replace') {
    const edit = parent.stored.redactedBy === null ? newestEdit(parent, newest) : undefined;
    const [shown] = edit ? await showEvents(context, viewer, [edit]) : [];
    return shown;
  }
  if (isInThread(parent)) return undefined;
  const [shown = {}] = await showWithRelations(context, room, viewer, [latest]);
  const isParticipant = summary.hasOwn || parent.stored.event.sender === viewer.userId;
  return { latest_event: shown, count, current_user_participated: isParticipant };
};

/** What goes under `m.relations` of events of a room that the viewer may see, by event id; of events without relations nothing. */
// https://spec.matrix.org/v1.19/client-server-api/#aggregations-of-child-events
export const readBundles = async (
  context: StepContext,
  room: Room,
  viewer: Viewer,
  events: readonly VisibleEvent[],
): Promise<ReadonlyMap<string, JsonObject>> => {
  const parents = events.filter(({ stored }) => stored.event.stateKey === undefined);
  const ids = parents.map(({ stored }) => stored.event.eventId);
  if (ids.length === 0) return new Map();
  const children = await readChildren(context, room, viewer, ids);
  const bundles = new Map<string, JsonObject>();
  for (const parent of parents) {
    const { eventId } = parent.stored.event;
    const ofParent: [string, Json][] = [];
    for (const each of children.get(eventId) ?? []) {
      const bundle = await bundleOf(context, room, viewer, parent, each);
      if (bundle !== undefined) ofParent.push([each.summary.relType, bundle]);
    }
    if (ofParent.length > 0) bundles.set(eventId, Object.fromEntries(ofParent));
  }
  return bundles;
};

/** Events of a room as clients see them, with a summary of what relates to each. */
export const showWithRelations = async (
  context: StepContext,
  room: Room,
  viewer: Viewer,
  events: readonly VisibleEvent[],
): Promise<JsonObject[]> => {
  const shown = await showEvents(context, viewer, events);
  const bundles = await readBundles(context, room, viewer, events);
  return shown.map((event, index) => {
    const relations = bundles.get(events[index]?.stored.event.eventId ?? '');
    if (!relations) return event;
    const unsigned = isObject(event['unsigned']) ? event['unsigned'] : {};
    return { ...event, unsigned: { ...unsigned, 'm.relations': relations } };
  });
};
