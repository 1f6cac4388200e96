import type { Room } from './room.ts';

/** The direct room with a user among these: one that was joined, or else one the user is invited to. */
export const findDirectRoom = (rooms: readonly Room[], userId: string): Room | undefined => {
  const known = rooms
    .filter((room) => room.directUserId === userId && room.encryption === 'direct')
    .filter(({ replacement }) => replacement === null)
    .filter((room) => !['leave', 'ban'].includes(room.members().get(userId) ?? 'invite'))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  return known.find(({ membership }) => membership === 'join') ?? known[0];
};
