import { setTimeout as sleep } from 'node:timers/promises';
import type { Account } from '../register-account.ts';
import type { OnText, Receiver } from './receivers.ts';
import type { Sender } from './senders.ts';

export type LatencyOptions = {
  readonly perSecond: number;
  readonly runMs: number;
};

const lateMsMax = 10_000;

const untilAllArrived = async (missing: ReadonlyMap<string, number>): Promise<void> => {
  for (let waitedMs = 0; missing.size > 0; waitedMs += 20) {
    if (waitedMs > lateMsMax)
      throw new Error(`${missing.size} messages did not arrive within ${lateMsMax / 1000} s`);
    await sleep(20);
  }
};

/**
 * Sends at a fixed rate, whatever the answers, and gives how long each message took from the moment it was due to the
 * moment its receiver held it, in milliseconds. Rejects when one does not arrive.
 */
export const measureLatency = async (
  senders: readonly Sender[],
  reader: Account,
  receive: (account: Account, onText: OnText) => Receiver,
  { perSecond, runMs }: LatencyOptions,
): Promise<number[]> => {
  const dueMs = new Map<string, number>();
  const latenciesMs: number[] = [];
  const receiver = receive(reader, (text) => {
    const due = dueMs.get(text);
    if (due !== undefined && dueMs.delete(text)) latenciesMs.push(performance.now() - due);
  });
  await receiver.ready;
  const run = `${performance.now()}`;
  // A sender has one request at a time; a message that has to wait for its sender is late, and counted so.
  const tails = senders.map(() => Promise.resolve());
  const refusals: unknown[] = [];
  const startedMs = performance.now();
  const count = Math.floor((runMs / 1000) * perSecond);
  for (let index = 0; index < count; index += 1) {
    const waitMs = startedMs + (index * 1000) / perSecond - performance.now();
    if (waitMs > 0) await sleep(waitMs);
    const text = `${run} message ${index} of a conversation at a steady pace`;
    const at = index % senders.length;
    dueMs.set(text, performance.now());
    tails[at] = (tails[at] ?? Promise.resolve())
      .then(() => senders[at]?.send(text))
      .catch((refusal: unknown) => void refusals.push(refusal));
  }
  await Promise.all(tails);
  if (refusals.length > 0) throw refusals[0];
  await untilAllArrived(dueMs);
  await receiver.stop();
  return latenciesMs;
};
