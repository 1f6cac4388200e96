import type { RoomEvent } from '@candor/federation';
import type { roomEventFilter } from '@candor/spec';
import type { Static } from 'typebox';

/** Which events of rooms a client wants. */
export type RoomEventFilter = Static<typeof roomEventFilter>;

/** `*` stands for any run of characters; walks the text once, whatever the pattern. */
const matchesType = (pattern: string, type: string): boolean => {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  if (last === undefined) return pattern === type;
  if (!type.startsWith(first)) return false;
  let at = first.length;
  for (const part of rest) {
    const found = type.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return type.length - at >= last.length && type.endsWith(last);
};

/** Whether a filter lets an event pass; what is excluded is out even when it is included too. */
// https://spec.matrix.org/v1.19/client-server-api/#filtering
export const passesFilter = (
  filter: RoomEventFilter,
  event: Pick<RoomEvent, 'type' | 'sender' | 'roomId' | 'content'>,
): boolean => {
  const { types, not_types: notTypes, senders, not_senders: notSenders } = filter;
  if (notSenders?.includes(event.sender) || (senders && !senders.includes(event.sender)))
    return false;
  if (notTypes?.some((pattern) => matchesType(pattern, event.type))) return false;
  if (types && !types.some((pattern) => matchesType(pattern, event.type))) return false;
  if (filter.rooms && !filter.rooms.includes(event.roomId)) return false;
  if (filter.not_rooms?.includes(event.roomId)) return false;
  const hasUrl = typeof event.content['url'] === 'string';
  return filter.contains_url === undefined || filter.contains_url === hasUrl;
};
