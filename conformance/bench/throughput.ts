import type { Account } from '../register-account.ts';
import { joinRoom, makeRoom, openSender, type Sender } from './senders.ts';

export type Throughput = {
  /** Accepted messages per second. */
  readonly perSecond: number;
  /** From the request to its answer, in milliseconds. */
  readonly latenciesMs: readonly number[];
};

const text = 'The quick brown fox jumps over the lazy dog, and then it sends it.';

/** Every sender sends its next message as soon as the last one was answered. */
const sendFor = async (senders: readonly Sender[], durationMs: number): Promise<Throughput> => {
  const latenciesMs: number[] = [];
  const startedMs = performance.now();
  const untilMs = startedMs + durationMs;
  const work = async (sender: Sender) => {
    for (let nowMs = performance.now(); nowMs < untilMs; ) {
      await sender.send(text);
      const doneMs = performance.now();
      if (doneMs <= untilMs) latenciesMs.push(doneMs - nowMs);
      nowMs = doneMs;
    }
  };
  await Promise.all(senders.map(work));
  return { perSecond: (latenciesMs.length * 1000) / durationMs, latenciesMs };
};

export type ThroughputOptions = {
  /** All senders in one room, or each in a room of its own. */
  readonly rooms: 'one' | 'many';
  readonly runs: number;
  readonly runMs: number;
  readonly warmUpMs: number;
};

/** Sends as fast as the homeserver answers; the first run only warms up and is not given back. */
export const measureThroughput = async (
  accounts: readonly [Account, ...Account[]],
  { rooms, runs, runMs, warmUpMs }: ThroughputOptions,
): Promise<Throughput[]> => {
  const shared = rooms === 'one' ? await makeRoom(accounts[0]) : undefined;
  if (shared !== undefined)
    for (const account of accounts.slice(1)) await joinRoom(account, shared);
  const senders = await Promise.all(
    accounts.map(async (account) => openSender(account, shared ?? (await makeRoom(account)))),
  );
  try {
    await sendFor(senders, warmUpMs);
    const results: Throughput[] = [];
    for (let run = 0; run < runs; run += 1) results.push(await sendFor(senders, runMs));
    return results;
  } finally {
    for (const sender of senders) sender.close();
  }
};
