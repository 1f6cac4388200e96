import { limits } from '@candor/spec';
import type { Logger } from '../log.ts';
import { type Database, transact } from '../storage/database.ts';
import { type SeenDevice, writeLastSeen } from '../storage/devices.ts';

/** Notes when and from where devices were used, and writes it in one statement now and then. */
export class LastSeen {
  readonly #db: Database;
  readonly #log: Logger;
  #seen = new Map<string, SeenDevice>();
  readonly #timer: NodeJS.Timeout;

  constructor(db: Database, log: Logger) {
    this.#db = db;
    this.#log = log;
    this.#timer = setInterval(() => void this.write(), limits.lastSeenWriteMs).unref();
  }

  note(device: SeenDevice): void {
    if (this.#seen.size >= limits.lastSeenDevicesMax) return;
    this.#seen.set(`${device.userId} ${device.deviceId}`, device);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.write();
  }

  /** Writes what was noted since the last time. */
  async write(): Promise<void> {
    if (this.#seen.size === 0) return;
    const seen = [...this.#seen.values()];
    this.#seen = new Map();
    try {
      await transact(this.#db, (tx) => writeLastSeen(tx, seen));
    } catch (error) {
      // A lost note is no loss worth a fault: the next use of the device brings a newer one.
      this.#log.warn({ err: error }, 'last-seen times were not written');
    }
  }
}
