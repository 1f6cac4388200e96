import { setTimeout as sleep } from 'node:timers/promises';
import type { Account } from '../register-account.ts';
import { type Figure, summarise } from './figures.ts';
import { measureLatency } from './latency.ts';
import { readMemory } from './memory.ts';
import { hasSocket, receiveByLongPoll, receiveBySocket } from './receivers.ts';
import { joinRoom, makeRoom, openSender } from './senders.ts';
import type { Target } from './target.ts';
import { measureThroughput } from './throughput.ts';

export type WorkloadOptions = {
  readonly runs: number;
  readonly runMs: number;
  /** What a workload that grows is run with, one after the other. */
  readonly sizes: readonly number[];
  readonly report: (figure: Figure) => void;
};

type Report = (
  workload: string,
  size: number,
  unit: string,
  figure: Pick<Figure, 'value' | 'spread' | 'p50' | 'p95' | 'p99'>,
) => void;

const sendersMax = 64;
const perSecond = 50;
const pacedSenders = 8;
const idleMs = 5_000;

const reportMemory = async (target: Target, state: string, report: Report): Promise<void> => {
  const memory = target.own && (await readMemory(target.own.servers[0]));
  if (!memory) return;
  report(`memory ${state}: server`, 0, 'MB', summarise([memory.serverMb]));
  report(`memory ${state}: its PostgreSQL`, 0, 'MB', summarise([memory.databaseMb]));
};

const reportThroughput = async (
  accounts: readonly [Account, ...Account[]],
  options: WorkloadOptions,
  report: Report,
): Promise<void> => {
  for (const rooms of ['one', 'many'] as const)
    for (const size of [1, 8, sendersMax]) {
      const [first, ...rest] = accounts;
      const results = await measureThroughput([first, ...rest.slice(0, size - 1)], {
        rooms,
        runs: options.runs,
        runMs: options.runMs,
        warmUpMs: options.runMs / 3,
      });
      const figure = summarise(
        results.map((one) => one.perSecond),
        results.flatMap((one) => one.latenciesMs),
      );
      report(`send, ${rooms === 'one' ? 'one room' : 'a room each'}`, size, 'messages/s', figure);
    }
};

const reportLatency = async (
  target: Target,
  accounts: readonly [Account, ...Account[]],
  options: WorkloadOptions,
  report: Report,
): Promise<void> => {
  const roomId = await makeRoom(accounts[0]);
  const authors = accounts.slice(0, pacedSenders);
  for (const author of authors.slice(1)) await joinRoom(author, roomId);
  const senders = await Promise.all(authors.map((author) => openSender(author, roomId)));
  const reader = await target.register(target.url, 'reader');
  await joinRoom(reader, roomId);
  const ways = [{ name: 'long poll', reader, receive: receiveByLongPoll }];
  if (await hasSocket(target.url))
    ways.unshift({ name: 'WebSocket', reader, receive: receiveBySocket });
  if (target.peerUrl !== undefined) {
    const distant = await target.register(target.peerUrl, 'distant');
    const via = accounts[0].userId.slice(accounts[0].userId.indexOf(':') + 1);
    await joinRoom(distant, roomId, via);
    ways.push({ name: 'two servers, long poll', reader: distant, receive: receiveByLongPoll });
    if (await hasSocket(target.peerUrl))
      ways.push({ name: 'two servers, WebSocket', reader: distant, receive: receiveBySocket });
  }
  for (const way of ways) {
    const measure = (runMs: number) =>
      measureLatency(senders, way.reader, way.receive, { perSecond, runMs });
    await measure(options.runMs / 3);
    const runs: number[][] = [];
    for (let run = 0; run < options.runs; run += 1) runs.push(await measure(options.runMs * 2));
    const medians = runs.map((run) => summarise(run).value);
    report(`send to receive, ${way.name}`, perSecond, 'ms', summarise(medians, runs.flat()));
  }
  for (const sender of senders) sender.close();
};

/** Durable sends per second, send-to-receive latency at a steady pace, and memory when the server is ours. */
export const sendWorkload = async (target: Target, options: WorkloadOptions): Promise<void> => {
  const report: Report = (workload, size, unit, figure) =>
    options.report({
      workload,
      server: target.server,
      database: target.database,
      size,
      unit,
      ...figure,
    });
  if (target.own) await sleep(idleMs);
  await reportMemory(target, 'idle', report);
  const first = await target.register(target.url, 'sender1');
  const rest: Account[] = [];
  for (let index = 2; index <= sendersMax; index += 1)
    rest.push(await target.register(target.url, `sender${index}`));
  await reportLatency(target, [first, ...rest], options, report);
  await reportThroughput([first, ...rest], options, report);
  await reportMemory(target, 'after the load', report);
};
