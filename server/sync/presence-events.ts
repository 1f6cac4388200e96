import type { Changes } from './gather-changes.ts';
import type { SyncScope } from './sync-scope.ts';

/** JSON texts of the presence of others that changed. */
export const writePresence = async (
  _scope: SyncScope,
  _changes: Changes | undefined,
): Promise<string[]> => [];
