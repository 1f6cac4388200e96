import { limits } from '@candor/spec';
import { LRUCache } from 'lru-cache';
import type { JsonObject } from '../events/room-event.ts';
import { DestinationLane, type LaneOptions } from './destination-lane.ts';
import { createSlots } from './slots.ts';

/** Sends what the store holds for other servers; call `wake` after the commit that added work. */
export type Sender = {
  wake(destination: string): void;
  /** Takes up all stored work, at start. */
  wakeAll(): Promise<void>;
  /** An EDU that is not worth storing: typing, presence. Dropped when the destination is failing. */
  ephemeral(destination: string, edu: JsonObject): void;
  /** An authenticated request of this server has arrived. */
  contactFrom(destination: string): void;
  /** Starts nothing new; resolves when every transaction under way has ended. */
  stop(): Promise<void>;
};

export type SenderOptions = Omit<LaneOptions, 'random' | 'setTimer'> & Partial<LaneOptions>;

const setNodeTimer: LaneOptions['setTimer'] = (callback, ms) => {
  const timer = setTimeout(callback, ms);
  timer.unref();
  return () => clearTimeout(timer);
};

export const createSender = (options: SenderOptions): Sender => {
  const laneOptions: LaneOptions = { random: Math.random, setTimer: setNodeTimer, ...options };
  const lanes = new Map<string, DestinationLane>();
  const reached = new LRUCache<string, true>({ max: limits.peersConnectedMax });
  const withDialSlot = createSlots(limits.senderDialsMax);
  let isStopped = false;

  const laneOf = (destination: string): DestinationLane => {
    const lane =
      lanes.get(destination) ??
      new DestinationLane(destination, laneOptions, {
        dial: (task) => (reached.has(destination) ? task() : withDialSlot(task)),
        onOutcome: (isReached) => {
          if (isReached) reached.set(destination, true);
          else reached.delete(destination);
        },
        onIdle: () => lanes.delete(destination),
      });
    lanes.set(destination, lane);
    return lane;
  };

  const wake = (destination: string): void => {
    if (!isStopped) laneOf(destination).wake();
  };

  return {
    wake,
    wakeAll: async () => {
      for (const destination of await options.store.destinationsWithWork()) wake(destination);
    },
    ephemeral: (destination, edu) => {
      if (!isStopped) laneOf(destination).ephemeral(edu);
    },
    contactFrom: (destination) => lanes.get(destination)?.contact(),
    stop: async () => {
      isStopped = true;
      await Promise.all([...lanes.values()].map((lane) => lane.stop()));
    },
  };
};
