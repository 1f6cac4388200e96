import { limits, MatrixError } from '@candor/spec';
import type { Context } from '../context.ts';
import { sendMembership } from '../rooms/send-membership.ts';
import { transact } from '../storage/database.ts';
import { readRoomsOfUser } from '../storage/memberships.ts';
import { writeProfileField } from '../storage/profiles.ts';

type ProfileField = {
  readonly userId: string;
  readonly name: string;
  /** Undefined: the field is taken away. */
  readonly value: unknown;
};

const textFields: ReadonlySet<string> = new Set(['displayname', 'avatar_url', 'm.tz']);
const memberFields: ReadonlySet<string> = new Set(['displayname', 'avatar_url']);
const roomsAtOnce = 16;

const checkField = ({ name, value }: ProfileField): void => {
  if (Buffer.byteLength(name) > limits.profileFieldNameLengthMax) {
    throw new MatrixError('M_KEY_TOO_LARGE', 'the name of the field is too long');
  }
  if (value !== undefined && textFields.has(name) && typeof value !== 'string') {
    throw new MatrixError('M_BAD_JSON', `${name}: must be a string`);
  }
};

/** Says the new name or picture in every room of the user; a room that fails is logged and passed over. */
// https://spec.matrix.org/v1.19/client-server-api/#events-on-change-of-profile-information
const tellRooms = async (context: Context, userId: string): Promise<void> => {
  const rooms = [...(await readRoomsOfUser(context.db, userId, ['join']))];
  const tellNext = async (): Promise<void> => {
    for (let next = rooms.pop(); next; next = rooms.pop()) {
      const { roomId } = next;
      const change = { roomId, sender: userId, target: userId };
      const staying = (present: string) => {
        if (present !== 'join') throw new MatrixError('M_FORBIDDEN', 'the user has left meanwhile');
      };
      await sendMembership(context, change, 'join', staying).catch((err: unknown) =>
        context.log.warn({ err, roomId, userId }, 'a room was not told of a changed profile'),
      );
    }
  };
  await Promise.all(Array.from({ length: roomsAtOnce }, tellNext));
};

/** Sets or removes a profile field. Throws M_KEY_TOO_LARGE, M_PROFILE_TOO_LARGE, M_BAD_JSON. */
// https://spec.matrix.org/v1.19/client-server-api/#profiles
export const changeProfile = async (context: Context, field: ProfileField): Promise<void> => {
  checkField(field);
  const { userId, name, value } = field;
  await transact(context.db, async (tx) => {
    const profile = await writeProfileField(tx, userId, name, value);
    if (Buffer.byteLength(JSON.stringify(profile)) > limits.profileBytesMax) {
      throw new MatrixError('M_PROFILE_TOO_LARGE', 'the profile would be too large');
    }
  });
  if (memberFields.has(name)) await tellRooms(context, userId);
};
