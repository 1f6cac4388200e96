import { type StateKey, stateKeyOf } from '@candor/federation';
import { createPace } from '../../pace.ts';
import { stateHashShare } from '../../storage/state-hash.ts';
import type { StoredEvent } from '../../storage/stored-event.ts';
import type { StepContext } from '../place-event.ts';
import type { StateSet } from '../state-set.ts';
import { isJudged } from './unjudged.ts';

/** What stands before the first event of a room. */
export const noState: StateSet = {
  entries: new Map(),
  hash: 0n,
  near: undefined,
  delta: new Map(),
};

/** A room state made of stored events, as another server told it; rejected and unjudged events have no part in it. */
export const stateOfEvents = async (
  { rooms }: Pick<StepContext, 'rooms'>,
  events: Iterable<StoredEvent>,
): Promise<StateSet> => {
  const rest = createPace();
  const state = new Map<StateKey, StoredEvent>();
  for (const stored of events) {
    const { type, stateKey } = stored.event;
    if (stateKey === undefined || stored.rejectedFor !== null || !isJudged(stored)) continue;
    state.set(stateKeyOf(type, stateKey), stored);
    await rest();
  }
  const keyNids = await rooms.stateKeys.intern([...state.keys()]);
  const entries = new Map<number, number>();
  let hash = 0n;
  for (const [key, { event, eventNid }] of state) {
    entries.set(keyNids.get(key) ?? 0, eventNid);
    hash += stateHashShare(event.eventId);
    await rest();
  }
  return { entries, hash: BigInt.asUintN(128, hash), near: undefined, delta: entries };
};
