import { isObject, type RoomEvent } from '@candor/federation';
import { isEventId, limits } from '@candor/spec';

export type Relation = {
  readonly relType: string;
  readonly parentEventId: string;
  readonly sender: string;
};

/** What the event says it relates to, and who says so; undefined when it says nothing that can be used. */
// https://spec.matrix.org/v1.19/client-server-api/#definition-mrelates_to
export const relationOf = ({ content, sender }: RoomEvent): Relation | undefined => {
  const relation = content['m.relates_to'];
  if (!isObject(relation)) return undefined;
  const { rel_type: relType, event_id: parentEventId } = relation;
  if (typeof relType !== 'string' || typeof parentEventId !== 'string') return undefined;
  const isUsable = isEventId(parentEventId) && relType.length <= limits.identifierBytesMax;
  // PostgreSQL's text holds no NUL.
  return isUsable && !relType.includes('\0') ? { relType, parentEventId, sender } : undefined;
};
