import { type JsonObject, readStateKey, type StateMap } from '@candor/federation';
import { MatrixError } from '@candor/spec';
import type { StateEntry } from '../storage/room-state.ts';
import type { StoredEvent } from '../storage/stored-event.ts';
import { readTimeline } from '../storage/timeline.ts';
import type { StepContext } from './place-event.ts';
import { type ReadAccess, readAccess } from './read-access.ts';
import { showState } from './read-state.ts';
import type { Viewer } from './show-events.ts';
import { stateAfter, stateFor } from './state-at.ts';
import { readTimelineToken } from './timeline-token.ts';

export type MembersRequest = {
  readonly roomId: string;
  /** A token: the members as they were there. */
  readonly at?: string | undefined;
  readonly membership?: string | undefined;
  readonly notMembership?: string | undefined;
};

/** The state at a token, which must not lie behind the user's leaving. */
const stateAtToken = async (
  context: StepContext,
  access: ReadAccess,
  token: string,
): Promise<StateMap<StateEntry>> => {
  const { room, leftBy } = access;
  const upTo = readTimelineToken(token);
  const [last] = await readTimeline(context.db, {
    roomNid: room.roomNid,
    direction: 'b',
    upTo,
    limit: 1,
  });
  const isBehind = leftBy && (last?.position ?? 0) > (leftBy.position ?? 0);
  if (isBehind) return stateFor(context, access);
  // Before the first event there was nobody.
  return last ? stateAfter(context, last) : new Map();
};

/** The member events of a room. Throws M_FORBIDDEN, M_INVALID_PARAM. */
// https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidmembers
export const readMembers = async (
  context: StepContext,
  viewer: Viewer,
  { roomId, at, membership, notMembership }: MembersRequest,
): Promise<JsonObject[]> => {
  const access = await readAccess(context, roomId, viewer.userId);
  const state =
    at === undefined ? await stateFor(context, access) : await stateAtToken(context, access, at);
  const ids: string[] = [];
  for (const [key, { eventId }] of state) {
    if (readStateKey(key)[0] === 'm.room.member') ids.push(eventId);
  }
  const loaded = await context.rooms.events.load(ids);
  const isWanted = ({ event }: StoredEvent) => {
    const is = event.content['membership'];
    return (membership === undefined || is === membership) && is !== notMembership;
  };
  return showState(context, viewer, [...loaded.values()].filter(isWanted));
};

export type JoinedMember = { readonly display_name?: string; readonly avatar_url?: string };

/** Who is in the room now, by user id; for users who are in it themselves. Throws M_FORBIDDEN. */
// https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidjoined_members
export const readJoinedMembers = async (
  { rooms }: StepContext,
  userId: string,
  roomId: string,
): Promise<Record<string, JoinedMember>> => {
  const room = await rooms.get(roomId);
  if (!room?.joined.has(userId))
    throw new MatrixError('M_FORBIDDEN', 'the user is not in the room');
  const entries = [...room.joined].flatMap((member) => room.memberEntry(member)?.eventId ?? []);
  const members = [...(await rooms.events.load(entries)).values()].map(({ event }) => {
    const { displayname, avatar_url: avatar } = event.content;
    const shown = {
      ...(typeof displayname === 'string' && { display_name: displayname }),
      ...(typeof avatar === 'string' && { avatar_url: avatar }),
    };
    return [event.stateKey ?? '', shown] as const;
  });
  return Object.fromEntries(members);
};
