import type { JsonObject } from '@candor/federation';
import { MatrixError, serverNameOf } from '@candor/spec';
import { readMemberProfile } from '../storage/member-profile.ts';
import type { RoomContext } from './build-room-event.ts';
import { readCurrentMembership } from './current-membership.ts';
import type { Room } from './room.ts';
import { type Sending, type SentEvent, sendInRoom } from './send-in-room.ts';

/** A change of somebody's membership that a user of ours asks for. */
export type MembershipChange = {
  readonly roomId: string;
  readonly sender: string;
  /** Whose membership changes. */
  readonly target: string;
  readonly reason?: string | undefined;
  /** Further content of the member event, such as `is_direct`. */
  readonly content?: JsonObject;
};

/**
 * What goes into a member event beside the membership: the wishes, and the profile of a local user who enters. Read
 * before the room is held, so that others need not wait for it.
 */
export const memberContent = async (
  { config, db, rooms }: RoomContext,
  { target, content }: Pick<MembershipChange, 'target' | 'content'>,
  membership: string,
): Promise<JsonObject> => {
  const isEntering = membership !== 'leave' && membership !== 'ban';
  const isLocal = serverNameOf(target) === config.serverName;
  const [profile] = await Promise.all([
    isEntering && isLocal ? readMemberProfile(db, target) : {},
    rooms.stateKeys.internOne('m.room.member', target),
  ]);
  return { ...profile, ...content };
};

/** Makes and queues a member event as the room's writer. */
export const placeMembership = async (
  context: RoomContext,
  room: Room,
  change: Omit<MembershipChange, 'roomId'>,
  membership: string,
): Promise<Sending> => {
  const { sender, target, reason, content } = change;
  return sendInRoom(context, room, {
    sender,
    type: 'm.room.member',
    stateKey: target,
    content: { ...content, ...(reason !== undefined && { reason }), membership },
  });
};

/**
 * Changes a membership once `check` has let the target's present one pass; the answer comes when it is on disk.
 * Throws M_FORBIDDEN, also for a room this server is not in.
 */
export const sendMembership = async (
  context: RoomContext,
  change: MembershipChange,
  membership: string,
  check: (present: string) => void = () => undefined,
): Promise<SentEvent> => {
  const known = await context.rooms.get(change.roomId);
  if (!known?.isResident) throw new MatrixError('M_FORBIDDEN', 'the sender is not joined');
  const content = await memberContent(context, change, membership);
  const { eventId, position, written } = await context.rooms.write(change.roomId, async (room) => {
    check(await readCurrentMembership(context, room, change.target));
    return placeMembership(context, room, { ...change, content }, membership);
  });
  await written;
  return { eventId, position };
};
