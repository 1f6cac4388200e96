import { parentPort, workerData } from 'node:worker_threads';
import { IdentityKeyPair } from '@signalapp/libsignal-client';
import { openMemoryStore } from '../stores/memory-store.ts';
import { Overlay } from '../stores/overlay.ts';
import type { TableWriter } from '../stores/store.ts';
import type { SessionContext } from './engine-context.ts';
import { bytesToHandOver, type Job, type JobAnswer, type ThreadData } from './fan-out-job.ts';
import { fanOutTasks } from './fan-out-tasks.ts';

type AnyTask = (tables: TableWriter, context: SessionContext, input: never) => Promise<unknown>;

const { signalIdentity, ...identity }: ThreadData = workerData;
const keyPair = IdentityKeyPair.deserialize(signalIdentity);
signalIdentity.fill(0);

const perform = async ({ id, task, rows, input, now }: Job): Promise<JobAnswer> => {
  const given = new Overlay(openMemoryStore());
  given.apply(rows);
  const changed = new Overlay(given);
  const context = { identity: { ...identity, signalIdentity: keyPair }, now: () => now };
  try {
    const output = await (fanOutTasks[task] as AnyTask)(
      changed,
      context,
      JSON.parse(input) as never,
    );
    return { id, changes: changed.changes(), output };
  } catch (error) {
    return {
      id,
      error: error instanceof Error ? error.message : String(error),
      changes: [],
      output: null,
    };
  }
};

parentPort?.on('message', async (job: Job) => {
  const answer = await perform(job);
  parentPort?.postMessage(answer, bytesToHandOver(answer.changes));
});
parentPort?.postMessage('ready');
