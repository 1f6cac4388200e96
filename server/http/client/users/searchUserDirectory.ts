import { type clientServer, limits } from '@candor/spec';
import { searchUsers } from '../../../storage/user-directory.ts';
import type { Handler } from '../../handler.ts';

export const searchUserDirectory: Handler<typeof clientServer.searchUserDirectory> = async (
  { db },
  { body, caller },
) => {
  const limit = Math.min(body.limit ?? limits.usersFoundDefault, limits.usersFoundMax);
  const term = body.search_term.trim();
  const found = term === '' ? [] : await searchUsers(db, caller.userId, term, limit + 1);
  return {
    limited: found.length > limit,
    results: found.slice(0, limit).map(({ userId, displayName, avatarUrl }) => ({
      user_id: userId,
      ...(displayName !== undefined && { display_name: displayName }),
      ...(avatarUrl !== undefined && { avatar_url: avatarUrl }),
    })),
  };
};
