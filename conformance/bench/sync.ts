import type { Account } from '../register-account.ts';
import { sendRequest } from '../send-request.ts';
import { summarise } from './figures.ts';
import type { WorkloadOptions } from './send.ts';
import { joinRoom, makeRoom, openSender } from './senders.ts';
import type { Target } from './target.ts';

const messagesPerRoom = 12;
const roomsAtOnce = 16;

/** Makes rooms of two people with a short conversation in each; gives their ids. */
const fillRooms = async (owner: Account, other: Account, count: number): Promise<string[]> => {
  const roomIds: string[] = [];
  let begun = 0;
  const work = async (): Promise<void> => {
    for (begun += 1; begun <= count; begun += 1) {
      const roomId = await makeRoom(owner);
      await joinRoom(other, roomId);
      const sender = await openSender(other, roomId);
      for (let sent = 0; sent < messagesPerRoom; sent += 1) await sender.send(`message ${sent}`);
      sender.close();
      roomIds.push(roomId);
    }
  };
  await Promise.all(Array.from({ length: roomsAtOnce }, work));
  return roomIds;
};

type Timed = { readonly ms: number; readonly bytes: number; readonly next: string };

const timeSync = async (
  { url, accessToken }: Account,
  query: Record<string, string>,
): Promise<Timed> => {
  const startedMs = performance.now();
  const path = `${url}/_matrix/client/v3/sync?${new URLSearchParams(query)}`;
  const answer = await sendRequest(path, { token: accessToken });
  const ms = performance.now() - startedMs;
  if (answer.status !== 200) throw new Error(`sync: ${answer.status} ${answer.bytes}`);
  const { next_batch: next } = answer.json as { readonly next_batch: string };
  return { ms, bytes: answer.bytes.length, next };
};

/** A filter that changes nothing and is another each time, so that no answer kept from before is given again. */
const freshFilter = (run: number): string =>
  JSON.stringify({ room: { timeline: { limit: 10 } }, account_data: { limit: 1_000 + run } });

/** First and later `/sync` of an account, by the number of its rooms: `sizes`. */
export const syncWorkload = async (
  target: Target,
  { runs, sizes, report }: WorkloadOptions,
): Promise<void> => {
  const other = await target.register(target.url, 'other');
  for (const size of sizes) {
    const owner = await target.register(target.url, `owner${size}`);
    const [roomId] = await fillRooms(owner, other, size);
    if (roomId === undefined) continue;
    const figure = (workload: string, unit: string, values: readonly number[]) =>
      report({
        workload,
        server: target.server,
        database: target.database,
        size,
        unit,
        ...summarise(values),
      });
    const cold: number[] = [];
    for (let run = 0; target.own && run < runs; run += 1) {
      const [server] = target.own.servers;
      await server.stop();
      await server.start();
      cold.push((await timeSync(owner, { filter: freshFilter(run) })).ms);
    }
    if (cold.length > 0) figure('first sync after a start', 'ms', cold);
    const first: Timed[] = [];
    for (let run = 0; run < runs; run += 1)
      first.push(await timeSync(owner, { filter: freshFilter(runs + run) }));
    figure(
      'first sync',
      'ms',
      first.map(({ ms }) => ms),
    );
    figure(
      'first sync, size',
      'MB',
      first.map(({ bytes }) => bytes / 1e6),
    );
    const sender = await openSender(other, roomId);
    const later: number[] = [];
    let since = first.at(-1)?.next ?? '';
    for (let run = 0; run < runs * 10; run += 1) {
      await sender.send('one more');
      const { ms, next } = await timeSync(owner, { since });
      since = next;
      later.push(ms);
    }
    sender.close();
    figure('sync with one new message', 'ms', later);
  }
};
