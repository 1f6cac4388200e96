import { readStateKey, type StateMap } from '../events/room-event.ts';
import { type ResolveOptions, resolveState } from '../state/resolve-state.ts';
import type { Story } from './tell-story.ts';

/** What the sets resolve to, as labels by state key, in a fixed order. */
export const outcome = (
  story: Story,
  sets: readonly StateMap<string>[],
  options?: ResolveOptions,
): Record<string, string> =>
  Object.fromEntries(
    [...resolveState(sets, story.events, story.rules, options)]
      .map(([key, eventId]) => [readStateKey(key).join(' ').trim(), eventId.slice(1)] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
