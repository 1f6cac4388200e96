import { isObject, type JsonObject } from '@candor/federation';
import { limits, MatrixError } from '@candor/spec';
import { readTimeline } from '../storage/timeline.ts';
import type { StepContext } from './place-event.ts';
import type { Room } from './room.ts';

type Wanted = { readonly sender: string; readonly type: string; readonly content: JsonObject };

// https://spec.matrix.org/v1.19/client-server-api/#validation-of-mthread-relationships
const refuseNestedThread = async ({ rooms }: StepContext, rootId: string): Promise<void> => {
  const root = await rooms.events.loadOne(rootId);
  if (!isObject(root?.event.content['m.relates_to'])) return;
  if (root?.event.content['m.relates_to']['rel_type'] === undefined) return;
  throw new MatrixError(
    'M_UNKNOWN',
    'a thread cannot begin with an event that relates to another',
    {
      status: 400,
    },
  );
};

// https://spec.matrix.org/v1.19/client-server-api/#avoiding-duplicate-annotations
const refuseSecondAnnotation = async (
  { db }: StepContext,
  room: Room,
  { sender, type }: Wanted,
  { parentEventId, key }: { readonly parentEventId: string; readonly key: unknown },
): Promise<void> => {
  const others = await readTimeline(db, {
    roomNid: room.roomNid,
    direction: 'b',
    childrenOf: { parentEventId, relType: 'm.annotation', eventType: type, levels: 1 },
    limit: limits.annotationsComparedMax,
  });
  const isSame = others.some(({ event }) => {
    const relation = event.content['m.relates_to'];
    return event.sender === sender && isObject(relation) && relation['key'] === key;
  });
  if (!isSame) return;
  throw new MatrixError('M_DUPLICATE_ANNOTATION', 'the user has said this of the event already');
};

/** Refuses relations that would mean nothing, or nothing new. Throws M_UNKNOWN with 400, M_DUPLICATE_ANNOTATION. */
export const checkRelation = async (
  context: StepContext,
  room: Room,
  wanted: Wanted,
): Promise<void> => {
  const relation = wanted.content['m.relates_to'];
  if (!isObject(relation) || typeof relation['event_id'] !== 'string') return;
  const { rel_type: relType, event_id: parentEventId, key } = relation;
  if (relType === 'm.thread') await refuseNestedThread(context, parentEventId);
  if (relType === 'm.annotation') {
    await refuseSecondAnnotation(context, room, wanted, { parentEventId, key });
  }
};
