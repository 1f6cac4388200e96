import { setTimeout as sleep } from 'node:timers/promises';
import { limits } from '@candor/spec';
import type { Context } from '../context.ts';
import { isPassingTrouble } from '../storage/passing-trouble.ts';
import {
  nextStagedPdus,
  type OfRoom,
  readStagedRooms,
  stagePdus,
  unstagePdus,
} from '../storage/staged-pdus.ts';
import { type PduResults, receiveInRoom } from './receive-in-room.ts';

/** What comes of the work, or undefined when that takes too long; the work goes on. */
const inTime = async <T>(work: Promise<T>): Promise<T | undefined> => {
  const end = new AbortController();
  const { signal } = end;
  try {
    return await Promise.race([
      work,
      sleep(limits.transactionPatienceMs, undefined, { ref: false, signal }),
    ]);
  } finally {
    end.abort();
  }
};

const turnOf = ({ origin, roomId }: OfRoom): string => `${origin} ${roomId}`;

/** Trouble that passes is thrown: the same work is to be done again. For anything else it would come again for ever. */
const receive = async (
  context: Context,
  of: OfRoom,
  pdus: readonly unknown[],
): Promise<PduResults> => {
  try {
    return await receiveInRoom(context, of, pdus);
  } catch (err) {
    if (isPassingTrouble(err)) throw err;
    context.log.warn({ err, ...of }, 'events of a room could not be taken');
    return new Map();
  }
};

/** Work that is under way, and what was staged meanwhile of the same. */
type UnderWay = { readonly id: number | undefined; readonly work: Promise<unknown> };

/** Takes in what is staged of a room until nothing is left. */
const workOff = async (
  context: Context,
  of: OfRoom,
  news: { isThere: boolean },
  underWay: UnderWay | undefined,
): Promise<void> => {
  const { db, federation, rooms } = context;
  while (news.isThere) {
    news.isThere = false;
    for (let next = await nextStagedPdus(db, of); next; next = await nextStagedPdus(db, of)) {
      const { id, pdus } = next;
      if (id === underWay?.id) await underWay.work;
      else await rooms.inbound.run(turnOf(of), () => receive(context, of, pdus));
      // What was cut short by a stop is taken up at the next start.
      if (federation.late.isStopped) return;
      await unstagePdus(db, id);
    }
  }
};

/** One at a time for each room; the events stay on disk until they are taken in. */
const startWorkingOff = (context: Context, of: OfRoom, underWay?: UnderWay): void => {
  const { federation, log, rooms } = context;
  const turn = turnOf(of);
  const known = rooms.slowInbound.get(turn);
  if (known) {
    known.isThere = true;
    return;
  }
  const news = { isThere: true };
  rooms.slowInbound.set(turn, news);
  workOff(context, of, news, underWay)
    .catch((err: unknown) => {
      log.warn({ err, ...of }, 'events of a room wait');
      federation.late.retry(0, async () => startWorkingOff(context, of));
    })
    .finally(() => rooms.slowInbound.delete(turn));
};

/**
 * Takes in what a server sent for a room. Where that takes long, because the room's past has to be fetched, say, the
 * server's other rooms do not wait: its events are put on disk, told nothing of, and taken in later in their order.
 */
export const receiveInTurn = async (
  context: Context,
  of: OfRoom,
  pdus: readonly unknown[],
): Promise<PduResults> => {
  const { db, log, rooms } = context;
  const turn = turnOf(of);
  const isSlow = rooms.slowInbound.has(turn);
  const work = isSlow ? undefined : rooms.inbound.run(turn, () => receive(context, of, pdus));
  const results = work && (await inTime(work));
  if (results) return results;
  // It is awaited later, or never.
  work?.catch(() => undefined);
  const id = await stagePdus(db, of, pdus, limits.stagedPerRoomMax);
  log.info({ ...of, count: pdus.length, isKept: id !== undefined }, 'a room takes long');
  startWorkingOff(context, of, work && { id, work });
  return new Map();
};

/** Goes on with what an earlier process had put on disk. */
export const takeUpStaged = async (context: Context): Promise<void> => {
  for (const of of await readStagedRooms(context.db)) startWorkingOff(context, of);
};
