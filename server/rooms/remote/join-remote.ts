import { setTimeout as sleep } from 'node:timers/promises';
import type { JsonObject } from '@candor/federation';
import { limits, MatrixError } from '@candor/spec';
import { readMemberProfile } from '../../storage/member-profile.ts';
import { readMembership } from '../../storage/memberships.ts';
import type { SentEvent } from '../send-in-room.ts';
import type { MembershipChange } from '../send-membership.ts';
import { enterRoom } from './enter-room.ts';
import type { RemoteContext } from './remote-context.ts';
import { shakeHands } from './shake-hands.ts';
import { serversOfMembership, serversToTry, tryServers } from './try-servers.ts';

export type RemoteEntry = Pick<MembershipChange, 'roomId' | 'sender' | 'reason' | 'content'> & {
  readonly via?: readonly string[];
};

/** What our user's event in a room elsewhere says beside the membership. */
export const entryContent = async (
  { db }: Pick<RemoteContext, 'db'>,
  { sender, reason, content }: Omit<RemoteEntry, 'via'>,
): Promise<JsonObject> => ({
  ...(await readMemberProfile(db, sender)),
  ...content,
  ...(reason !== undefined && { reason }),
});

/** Who may know the room: those named, and who was there when the user was invited or knocked. */
export const serversOfEntry = async (
  context: RemoteContext,
  { roomId, sender, via = [] }: RemoteEntry,
): Promise<readonly string[]> => {
  const room = await context.rooms.get(roomId);
  const present = room && (await readMembership(context.db, room.roomNid, sender));
  return serversToTry(context, roomId, [...via, ...(present ? serversOfMembership(present) : [])]);
};

/** A server may hand out an invitation before the room that it is for has it, and until then lets nobody in by it. */
const mayBeEarly = async (
  { db, rooms }: RemoteContext,
  { roomId, sender }: RemoteEntry,
  error: unknown,
): Promise<boolean> => {
  if (!(error instanceof MatrixError) || error.errcode !== 'M_FORBIDDEN') return false;
  const room = await rooms.get(roomId);
  const present = room && (await readMembership(db, room.roomNid, sender));
  return present?.membership === 'invite';
};

/**
 * A user of ours enters a room through another server in it. Throws the refusal of the server that says most:
 * M_FORBIDDEN, M_NOT_FOUND, M_INCOMPATIBLE_ROOM_VERSION, M_UNABLE_TO_GRANT_JOIN, M_CONNECTION_FAILED.
 */
// https://spec.matrix.org/v1.19/server-server-api/#joining-rooms
export const joinRemote = async (
  context: RemoteContext,
  entry: RemoteEntry,
): Promise<SentEvent> => {
  const servers = await serversOfEntry(context, entry);
  const { roomId, sender: userId } = entry;
  const wish = {
    kind: 'join',
    roomId,
    userId,
    content: await entryContent(context, entry),
  } as const;
  const ask = () =>
    tryServers(servers, (server) =>
      // What that server sends into the room as soon as it took our join waits until we are in.
      context.rooms.inbound.run(`${server} ${roomId}`, async () =>
        enterRoom(context, await shakeHands(context, wish, server)),
      ),
    );
  for (const delayMs of limits.invitedJoinDelaysMs) {
    try {
      return await ask();
    } catch (error) {
      if (!(await mayBeEarly(context, entry, error))) throw error;
      await sleep(delayMs);
    }
  }
  return ask();
};
