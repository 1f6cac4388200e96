import { openMemoryStore } from '../stores/memory-store.ts';
import { Overlay } from '../stores/overlay.ts';
import type { Change, TableReader } from '../stores/store.ts';
import type { SessionContext } from './engine-context.ts';
import type { Addressee, fanOutTasks } from './fan-out-tasks.ts';
import { toDeviceOutbox } from './to-device-outbox.ts';

/** What a thread is told when it starts; the device's Ed25519 key is not part of it. */
export type ThreadData = Omit<SessionContext['identity'], 'signalIdentity'> & {
  readonly signalIdentity: Uint8Array<ArrayBuffer>;
};

export type Job = {
  readonly id: number;
  readonly task: keyof typeof fanOutTasks;
  /** Copies of the rows that the task may read. */
  readonly rows: readonly Change[];
  /** JSON: quicker to hand over than what it stands for. */
  readonly input: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
};

export type JobAnswer = {
  readonly id: number;
  /** Undefined for a job that was done. */
  readonly error?: string;
  readonly changes: readonly Change[];
  readonly output: unknown;
};

/** The rows that a task about these users and devices may read. */
export const rowsForJob = (tables: TableReader, entries: readonly Addressee[]): Change[] => {
  const rows = new Overlay(openMemoryStore());
  rows.put('counters', {
    name: toDeviceOutbox.counter,
    next: toDeviceOutbox.nextPosition(tables),
  });
  for (const { userId, deviceId } of entries) {
    const device = deviceId === undefined ? undefined : tables.get('devices', { userId, deviceId });
    if (!device) continue;
    rows.put('devices', device);
    const user = tables.get('users', { userId });
    if (user) rows.put('users', user);
    const session = tables.get('sessions', { address: device.address });
    if (session) rows.put('sessions', session);
  }
  return rows.changes();
};

/** The memory of rows' bytes, which moves to the other thread instead of being copied. */
export const bytesToHandOver = (changes: readonly Change[]): ArrayBuffer[] => {
  const buffers = changes
    .flatMap(({ row }) => Object.values(row ?? {}))
    .filter((value) => value instanceof Uint8Array)
    .filter(({ byteLength, buffer }) => byteLength === buffer.byteLength)
    .map(({ buffer }) => buffer);
  return [...new Set(buffers)];
};
