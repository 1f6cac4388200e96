import { randomBytes } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { encodeBase64, type JsonObject } from '@candor/federation';
import { clientServer, limits } from '@candor/spec';
import { backOff } from '../api/back-off.ts';
import { RequestError } from '../api/request-error.ts';
import { CandorError } from '../candor-error.ts';
import { loadEarlier } from '../rooms/load-earlier.ts';
import { roomSummary } from '../rooms/room-summary.ts';
import type { SecretStorage } from '../secrets/secret-storage.ts';
import { base64Bytes } from '../signal/base64-bytes.ts';
import { exclusive } from '../signal/exclusive.ts';
import type { ArchiveStop, Row } from '../stores/tables.ts';
import { warnings } from '../verification/trust.ts';
import { archiveAlgorithm, archiveKeys } from './archive-keys.ts';
import { type ArchiveContext, archiveTraffic, type OpenArchive } from './archive-traffic.ts';
import { type ArchiveVersion, archiveVersion } from './archive-version.ts';
import { fillRows } from './fill-rows.ts';
import { versionSigners } from './version-signers.ts';

export type ArchiveOptions = ArchiveContext & {
  readonly storage: SecretStorage;
  readonly onWarning: (warning: Row<'warnings'>) => void;
};

/** `replaced`, `untrusted` and `deleted` say why nothing goes into an archive that was on. */
export type ArchiveState = 'off' | 'on' | NonNullable<ArchiveStop>;

const errcodeOf = (error: unknown): string | undefined =>
  error instanceof RequestError ? error.errcode : undefined;

/**
 * The user's messages on their homeserver, sealed for their own devices alone, so that a new device
 * gets the history. Off until the user turns it on.
 */
export class Archive {
  readonly #options: ArchiveOptions;
  readonly #alone = exclusive();
  /** Of the room whose history is being paged through. */
  #fetched: { roomId: string; entries: ReadonlyMap<string, JsonObject> } | undefined;

  constructor(options: ArchiveOptions) {
    this.#options = options;
  }

  get state(): ArchiveState {
    const row = this.#row();
    return row ? (row.stopped ?? 'on') : 'off';
  }

  /**
   * Turns the archive on, here and for the devices that unlock the recovery from now on: everything
   * this device can read goes into it. `replace` puts it in the place of another backup of the account.
   */
  async enable({ replace = false }: { replace?: boolean } = {}): Promise<void> {
    const { engine, storage } = this.#options;
    if (engine.ownIdentity() !== 'device-signed') {
      throw new CandorError('own-device-not-signed', 'this device is not signed by its user yet');
    }
    const kept = base64Bytes(await storage.read(archiveAlgorithm));
    const secret = kept ?? this.#row()?.secret ?? new Uint8Array(randomBytes(32));
    const current = await this.#current();
    const known = this.#isTrusted(current, secret) ? current?.version : undefined;
    if (current && known === undefined && !replace) {
      const isForeign = current.kind === 'foreign';
      const whose = isForeign ? 'another program has a backup' : 'there is an unknown archive';
      const text = `${whose} in this account, which holds one at a time`;
      throw new CandorError(isForeign ? 'foreign-backup' : 'archive-not-trusted', text);
    }
    if (!kept) await storage.write(archiveAlgorithm, encodeBase64(secret));
    await this.#adopt(secret, known ?? (await this.#begin(secret)));
  }

  /** Turns the archive off on every device, and deletes it from the server. */
  async disable(): Promise<void> {
    const { api, store, storage, userId } = this.#options;
    const row = this.#row();
    if (!row) return;
    await api
      .call(clientServer.deleteRoomKeysVersion, { params: { version: row.version } })
      .catch((error: unknown) => {
        if (errcodeOf(error) !== 'M_NOT_FOUND') throw error;
      });
    await storage.erase(archiveAlgorithm);
    store.transaction((tx) => tx.delete('archive', { userId }));
  }

  /** Resolves when everything this device can read is in the archive. */
  flush(): Promise<void> {
    return this.#alone(async () => {
      for (let open = this.#open(); open; open = this.#open()) {
        try {
          if (!(await archiveTraffic.step(this.#options, open))) return;
        } catch (error) {
          await this.#recheckAfter(error, open.version);
        }
      }
    });
  }

  /**
   * Pages back to the beginning of a room, or of all that the user is in, and fills in what this
   * device cannot read. Goes on where an earlier attempt ended; gives the number of messages restored.
   */
  async restore(roomId?: string): Promise<number> {
    const { api, engine, store } = this.#options;
    this.#opened();
    const all = store.all('rooms').filter((room) => roomSummary.of(room).membership === 'join');
    let restored = 0;
    for (const id of roomId === undefined ? all.map((room) => room.roomId) : [roomId]) {
      this.#fetched = undefined;
      restored += await this.#fill(id);
      const earlier = () => roomSummary.of(roomSummary.rowOf(store, id)).earlier;
      while (await loadEarlier(api, engine, id, earlier())) {
        restored += await this.#fill(id, limits.clientHistoryPageEvents);
      }
    }
    this.#fetched = undefined;
    return restored;
  }

  /** Fills in what this device cannot read of the page of history that was just fetched. */
  async fillPage(roomId: string): Promise<void> {
    if (!this.#open()) return;
    try {
      await this.#fill(roomId, limits.clientHistoryPageEvents);
    } catch (error) {
      this.#options.onProblem(error);
    }
  }

  /** The archive's secret, when this device takes part in it. */
  get secret(): Uint8Array | undefined {
    return this.#open() && this.#row()?.secret;
  }

  /** Takes part in the archive that the server has, if it is the one of this secret. */
  async join(secret: Uint8Array<ArrayBuffer>): Promise<boolean> {
    const current = await this.#current();
    if (!current || !this.#isTrusted(current, secret)) return false;
    await this.#adopt(secret, current.version);
    return true;
  }

  /** Archives until the signal ends. */
  async run(signal: AbortSignal): Promise<void> {
    const pause = backOff();
    let isChecked = false;
    while (!signal.aborted) {
      try {
        const open = this.#open();
        if (open && !isChecked) await this.#recheck(open.version);
        isChecked ||= open !== undefined;
        await this.flush();
        pause.reset();
        await setTimeout(limits.archiveIntervalMs, undefined, { signal });
      } catch (error) {
        if (signal.aborted) return;
        this.#options.onProblem(error);
        await pause.wait(signal, error instanceof RequestError ? error.retryAfterMs : 0);
      }
    }
  }

  #row(): Row<'archive'> | undefined {
    const { store, userId } = this.#options;
    return store.get('archive', { userId });
  }

  #open(): OpenArchive | undefined {
    const row = this.#row();
    if (!row || row.stopped !== null) return undefined;
    return { version: row.version, keys: archiveKeys(row.secret) };
  }

  #opened(): OpenArchive {
    const open = this.#open();
    if (open) return open;
    throw new CandorError('archive-off', `the archive is ${this.state} on this device`);
  }

  async #fill(roomId: string, eventsMax?: number): Promise<number> {
    const open = this.#opened();
    if (this.#fetched?.roomId !== roomId) {
      const entries = await archiveTraffic.entriesOf(this.#options, open, roomId);
      this.#fetched = { roomId, entries };
    }
    return fillRows(this.#options, open, roomId, this.#fetched.entries, eventsMax);
  }

  async #current(): Promise<ArchiveVersion | undefined> {
    const { api, store, userId } = this.#options;
    try {
      const answer = await api.call(clientServer.getRoomKeysVersionCurrent, {});
      return archiveVersion.read(store, userId, answer);
    } catch (error) {
      if (errcodeOf(error) === 'M_NOT_FOUND') return undefined;
      throw error;
    }
  }

  #isTrusted(current: ArchiveVersion | undefined, secret: Uint8Array): boolean {
    if (current?.kind !== 'ours') return false;
    return current.isSigned && current.publicKey === archiveKeys(secret).publicKeyText;
  }

  async #begin(secret: Uint8Array): Promise<string> {
    const { api, store, userId } = this.#options;
    const { publicKeyText } = archiveKeys(secret);
    const data = archiveVersion.authData(userId, publicKeyText, versionSigners(store, userId));
    const body = { algorithm: archiveAlgorithm, auth_data: data };
    return (await api.call(clientServer.postRoomKeysVersion, { body })).version;
  }

  /** From now on the archive is this one. A version that is new to this device has nothing yet. */
  async #adopt(secret: Uint8Array<ArrayBuffer>, version: string): Promise<void> {
    const { engine, userId } = this.#options;
    const isNew = this.#row()?.version !== version;
    this.#fetched = undefined;
    await engine.receive({}, (tx) => {
      tx.put('archive', { userId, version, secret, stopped: null });
      warnings.resolve(tx, userId, ['archive-changed'], Date.now());
      if (!isNew) return;
      for (const row of tx.all('timeline', { where: { archived: true } })) {
        tx.put('timeline', { ...row, archived: false });
      }
    });
  }

  /** Refusals that may mean that the archive on the server is another by now are looked into. */
  async #recheckAfter(error: unknown, version: string): Promise<void> {
    const isAboutVersion = ['M_WRONG_ROOM_KEYS_VERSION', 'M_NOT_FOUND'];
    if (!isAboutVersion.includes(errcodeOf(error) ?? '')) throw error;
    if (!(await this.#recheck(version))) throw error;
  }

  /** Whether something is different now: nothing goes in any more, or into another version. */
  async #recheck(version: string): Promise<boolean> {
    const row = this.#row();
    if (!row) return true;
    const current = await this.#current();
    if (current && this.#isTrusted(current, row.secret)) {
      if (current.version === version) return false;
      await this.#adopt(row.secret, current.version);
      return true;
    }
    const isReplaced = current && (current.kind === 'foreign' || current.isSigned);
    this.#stop(row, current ? (isReplaced ? 'replaced' : 'untrusted') : 'deleted');
    return true;
  }

  #stop(row: Row<'archive'>, stopped: NonNullable<ArchiveStop>): void {
    const { store, userId, onWarning } = this.#options;
    const kind = 'archive-changed';
    const raised = store.transaction((tx) => {
      tx.put('archive', { ...row, stopped });
      const detail = { reason: stopped, version: row.version };
      warnings.raise(tx, { userId, kind, detail, createdAt: Date.now() });
      return tx.get('warnings', { userId, kind, deviceId: '' });
    });
    if (raised) onWarning(raised);
  }
}
