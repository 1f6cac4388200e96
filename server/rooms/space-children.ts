import {
  isObject,
  type Json,
  type JsonObject,
  type RoomEvent,
  readStateKey,
} from '@candor/federation';
import { isRoomId, isServerName, limits } from '@candor/spec';
import type { Context } from '../context.ts';
import type { Room } from './room.ts';

/** A room that a space says belongs to it. */
export type SpaceChild = {
  readonly roomId: string;
  /** Servers that may know the room. */
  readonly via: readonly string[];
  readonly isSuggested: boolean;
  readonly order: string | undefined;
  /** The `m.space.child` event, stripped but for its time. */
  readonly state: DatedState;
};

export type DatedState = {
  readonly type: string;
  readonly state_key: string;
  readonly sender: string;
  readonly content: JsonObject;
  readonly origin_server_ts: number;
};

const orderOf = (order: Json | undefined): string | undefined =>
  typeof order === 'string' && /^[ -~]{1,50}$/.test(order) ? order : undefined;

/** Reads a child from its state event; undefined when that names no room, or was taken back. */
// https://spec.matrix.org/v1.19/client-server-api/#mspacechild
export const readSpaceChild = (state: DatedState): SpaceChild | undefined => {
  const { state_key: roomId, content } = state;
  if (state.type !== 'm.space.child' || !isRoomId(roomId)) return undefined;
  const { via, suggested, order } = content;
  const servers = (Array.isArray(via) ? via : []).filter(
    (name): name is string => typeof name === 'string' && isServerName(name),
  );
  if (servers.length === 0) return undefined;
  return {
    roomId,
    via: servers.slice(0, limits.joinServersTriedMax),
    isSuggested: suggested === true,
    order: orderOf(order),
    state,
  };
};

// https://spec.matrix.org/v1.19/client-server-api/#ordering-of-children-within-a-space
const compareChildren = (one: SpaceChild, other: SpaceChild): number => {
  if (one.order !== other.order) {
    if (one.order === undefined) return 1;
    if (other.order === undefined) return -1;
    return one.order < other.order ? -1 : 1;
  }
  const later = one.state.origin_server_ts - other.state.origin_server_ts;
  return later || (one.roomId < other.roomId ? -1 : 1);
};

const datedState = (event: RoomEvent): DatedState => ({
  type: event.type,
  state_key: event.stateKey ?? '',
  sender: event.sender,
  content: event.content,
  origin_server_ts: event.originServerTs,
});

/** The rooms of a space, in the order in which they are shown. */
export const spaceChildren = async (
  { rooms }: Pick<Context, 'rooms'>,
  room: Room,
): Promise<readonly SpaceChild[]> => {
  const ids: string[] = [];
  for (const [key, { eventId }] of room.state) {
    if (key.startsWith('["m.space.child"') && isRoomId(readStateKey(key)[1])) ids.push(eventId);
  }
  const loaded = await rooms.events.load(ids);
  return [...loaded.values()]
    .flatMap(({ event }) =>
      isObject(event.content) ? (readSpaceChild(datedState(event)) ?? []) : [],
    )
    .sort(compareChildren)
    .slice(0, limits.spaceChildrenMax);
};
