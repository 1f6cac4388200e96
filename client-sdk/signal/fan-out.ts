import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { limits } from '@candor/spec';
import type { TableWriter } from '../stores/store.ts';
import type { SessionContext } from './engine-context.ts';
import {
  bytesToHandOver,
  type Job,
  type JobAnswer,
  rowsForJob,
  type ThreadData,
} from './fan-out-job.ts';
import { fanOutTasks } from './fan-out-tasks.ts';

type Tasks = typeof fanOutTasks;
type Input<T extends keyof Tasks> = Parameters<Tasks[T]>[2];
type Output<T extends keyof Tasks> = Awaited<ReturnType<Tasks[T]>>;
type Task<T extends keyof Tasks> = (
  tables: TableWriter,
  context: SessionContext,
  input: Input<T>,
) => Promise<Output<T>>;
type Thread = {
  readonly worker: Worker;
  readonly ready: Promise<boolean>;
  isReady: boolean;
  isEnding: boolean;
};
type Waiter = {
  readonly resolve: (answer: JobAnswer) => void;
  readonly reject: (error: Error) => void;
};

// The ending that this file has, so that the worker is found beside it as TypeScript and as JavaScript.
const ending = extname(new URL(import.meta.url).pathname);
const defaultProgram = new URL(`./fan-out-worker${ending}`, import.meta.url);

/**
 * Does what concerns many devices at once in a thread of its own. The thread begins when it is first
 * wanted and ends when nothing came for a while. Small tasks, and those that come before the thread
 * is ready, are done here. Either way the changes are made to the given tables and nowhere else.
 */
export class FanOut {
  readonly #identity: SessionContext['identity'];
  readonly #program: URL;
  readonly #waiters = new Map<number, Waiter>();
  #jobs = 0;
  #thread: Thread | undefined;
  #mayStart = true;
  #idle: NodeJS.Timeout | undefined;

  constructor(identity: SessionContext['identity'], program: URL = defaultProgram) {
    this.#identity = identity;
    this.#program = program;
  }

  /** Performs a task; rejects when the thread ends before it is done, and has then changed nothing. */
  async run<T extends keyof Tasks>(
    task: T,
    tables: TableWriter,
    context: SessionContext,
    input: Input<T>,
  ): Promise<Output<T>> {
    const isLarge = input.entries.length >= limits.fanOutThreadDevicesMin;
    const thread = isLarge ? this.#wanted() : undefined;
    if (!thread?.isReady || thread.isEnding)
      return (fanOutTasks[task] as Task<T>)(tables, context, input);
    const rows = rowsForJob(tables, input.entries);
    const job = { id: ++this.#jobs, task, rows, input: JSON.stringify(input), now: context.now() };
    const answer = await this.#call(thread.worker, job);
    if (answer.error !== undefined) throw new Error(answer.error);
    tables.apply(answer.changes);
    return answer.output as Output<T>;
  }

  /** Begins the thread; false when there can be none. */
  async begin(): Promise<boolean> {
    return (await this.#wanted()?.ready) ?? false;
  }

  /** Ends the thread; what it was doing is rejected. A later task begins another. */
  async close(): Promise<void> {
    if (!this.#thread) return;
    this.#thread.isEnding = true;
    await this.#thread.worker.terminate();
  }

  #call(worker: Worker, job: Job): Promise<JobAnswer> {
    return new Promise((resolve, reject) => {
      this.#waiters.set(job.id, { resolve, reject });
      // Only while something is awaited does the thread keep the process from ending.
      worker.ref();
      clearTimeout(this.#idle);
      worker.postMessage(job, bytesToHandOver(job.rows));
    });
  }

  #wanted(): Thread | undefined {
    if (this.#thread || !this.#mayStart) return this.#thread;
    const { userId, deviceId, address, registrationId, signalIdentity } = this.#identity;
    const keys = signalIdentity.serialize();
    const data: ThreadData = { userId, deviceId, address, registrationId, signalIdentity: keys };
    const worker = new Worker(this.#program, {
      workerData: data,
      transferList: [keys.buffer],
      // Not those of the process: some, such as --input-type, no thread may have.
      execArgv: [],
    });
    const { promise: ready, resolve } = Promise.withResolvers<boolean>();
    const thread: Thread = { worker, ready, isReady: false, isEnding: false };
    this.#thread = thread;
    let cause: unknown;
    worker.on('message', (message: 'ready' | JobAnswer) => {
      if (message === 'ready') {
        thread.isReady = true;
        resolve(true);
      } else {
        this.#waiters.get(message.id)?.resolve(message);
        this.#waiters.delete(message.id);
      }
      this.#rest(worker);
    });
    worker.on('error', (error) => {
      cause = error;
    });
    worker.on('exit', () => {
      resolve(false);
      // A program that cannot even begin, as in a bundle that left it out, is not tried again.
      this.#mayStart = thread.isReady;
      this.#thread = undefined;
      const ended = new Error('the thread that encrypts for many devices ended', { cause });
      for (const { reject } of this.#waiters.values()) reject(ended);
      this.#waiters.clear();
    });
    return thread;
  }

  #rest(worker: Worker): void {
    if (this.#waiters.size > 0) return;
    worker.unref();
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => void this.close(), limits.fanOutThreadIdleMs).unref();
  }
}
