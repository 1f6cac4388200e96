import { encodeBase64 } from '@candor/federation';
import type { HomeserverApi } from '../api/homeserver-api.ts';
import { Archive } from '../archive/archive.ts';
import { archiveAlgorithm } from '../archive/archive-keys.ts';
import { CandorError } from '../candor-error.ts';
import type { Telling } from '../client-events.ts';
import type { Courier } from '../send/courier.ts';
import { base64Bytes } from '../signal/base64-bytes.ts';
import { crossSigning } from '../signal/cross-signing.ts';
import type { ReceiveOutcome } from '../signal/engine-receive.ts';
import type { SignalEngine } from '../signal/signal-engine.ts';
import type { Store } from '../stores/store.ts';
import { SecretSharing } from './secret-sharing.ts';
import { SecretStorage } from './secret-storage.ts';

export type RecoveryOptions = {
  readonly api: HomeserverApi;
  readonly engine: SignalEngine;
  readonly courier: Courier;
  readonly store: Store;
  readonly userId: string;
};

/** What this device has after it unlocked the recovery. */
export type Recovered = {
  /** It is signed by its user, and can sign others. */
  readonly identity: boolean;
  /** It takes part in the user's archive: `archive.restore()` brings the history. */
  readonly archive: boolean;
};

const names = {
  master: 'm.cross_signing.master',
  selfSigning: 'm.cross_signing.self_signing',
  userSigning: 'm.cross_signing.user_signing',
} as const;
const allNames: readonly string[] = [...Object.values(names), archiveAlgorithm];

const keyOf = (secret: string | undefined): Uint8Array<ArrayBuffer> | undefined => {
  const bytes = base64Bytes(secret);
  return bytes?.length === 32 ? bytes : undefined;
};

/** Other clients may write the same bytes with padding. */
const isSame = (a: string | undefined, b: string | undefined): boolean =>
  Buffer.compare(keyOf(a) ?? Buffer.alloc(0), keyOf(b) ?? Buffer.alloc(0)) === 0;

/**
 * The user's signing keys and the archive's key in Matrix secret storage, where another device
 * finds them with a recovery key or a passphrase; and on request from the user's other devices.
 */
export class Recovery {
  /** The user's messages, kept on their homeserver for their own devices. */
  readonly archive: Archive;
  readonly #options: RecoveryOptions;
  readonly #storage: SecretStorage;
  readonly #sharing: SecretSharing;
  /** Signing keys that other devices sent; they are of use together. */
  readonly #received = new Map<string, string>();

  constructor(options: RecoveryOptions, tell: (telling: Telling) => void) {
    this.#options = options;
    const { api, engine, courier, store, userId } = options;
    const onProblem = (error: unknown) => tell({ name: 'problem', args: [error] });
    this.#storage = new SecretStorage(api, userId);
    const storage = this.#storage;
    this.archive = new Archive({
      ...{ api, engine, store, userId, storage, onProblem },
      onWarning: (warning) => {
        tell({ name: 'warning', args: [warning] });
        // Another of the user's devices may have begun it, and then has its key.
        if (warning.detail['reason'] === 'replaced') this.ask().catch(onProblem);
      },
    });
    this.#sharing = new SecretSharing({
      ...{ engine, courier, store, userId, onProblem },
      held: () => this.#held(),
      take: (name, secret) => this.#takeShared(name, secret),
    });
  }

  /** Whether the user has a recovery, from this SDK or another Matrix client. */
  async exists(): Promise<boolean> {
    return (await this.#storage.defaultKey()) !== undefined;
  }

  /**
   * Makes a recovery and gives its key for the user to write down; with a passphrase that opens it as
   * well. `replace` puts it in the place of another, whose key then opens nothing new.
   */
  async create(options: { passphrase?: string; replace?: boolean } = {}): Promise<string> {
    const storage = this.#storage;
    const { store, userId } = this.#options;
    if (!store.get('crossSigningSecrets', { userId })) {
      const text = 'this device does not have the signing keys of its user';
      throw new CandorError('own-device-not-signed', text);
    }
    if (!options.replace && (await this.exists())) {
      throw new CandorError('recovery-exists', 'the user has a recovery already: unlock it');
    }
    const written = await storage.create(options.passphrase);
    for (const [name, secret] of this.#held()) await storage.write(name, secret);
    return written;
  }

  /**
   * Opens the user's recovery with its key or passphrase: what it holds comes to this device, what
   * only this device holds goes into it. Rejects with `wrong-recovery-key`, and nothing has changed.
   */
  async unlock(typed: string): Promise<Recovered> {
    const storage = this.#storage;
    const { courier } = this.#options;
    await storage.unlock(typed);
    const found = new Map<string, string>();
    for (const name of allNames) {
      const secret = await storage.read(name);
      if (secret !== undefined) found.set(name, secret);
    }
    // Which identity the server shows has to be known before one is taken.
    await courier.followUp();
    if ((await this.#takeIdentity(found)) === 'differs' && !this.#holdsIdentity()) {
      const text = 'the recovery belongs to another identity than the one the server shows';
      throw new CandorError('identity-differs', text);
    }
    const secret = keyOf(found.get(archiveAlgorithm));
    if (secret) await this.archive.join(secret);
    for (const [name, held] of this.#held()) {
      // Signing keys of an identity that is no more; of two archives only the server's answer tells which is in use.
      const isStale = name !== archiveAlgorithm && !isSame(found.get(name), held);
      if (!found.has(name) || (isStale && this.#holdsIdentity())) await storage.write(name, held);
    }
    return this.#recovered();
  }

  /** Asks the user's other devices for what this one lacks; gives how many were asked. They answer when they are online. */
  async ask(): Promise<number> {
    const held = this.#held();
    return this.#sharing.ask(allNames.filter((name) => !held.has(name)));
  }

  /** Secrets and requests for them, among what arrived. */
  receive(outcome: ReceiveOutcome): void {
    this.#sharing.receive(outcome);
  }

  /** Resolves when nothing is under way with other devices. */
  idle(): Promise<void> {
    return this.#sharing.idle();
  }

  #recovered(): Recovered {
    return {
      identity: this.#options.engine.ownIdentity() === 'device-signed',
      archive: this.archive.state === 'on',
    };
  }

  #held(): Map<string, string> {
    const { store, userId } = this.#options;
    const secrets = store.get('crossSigningSecrets', { userId });
    const held = new Map<string, string>();
    for (const part of ['master', 'selfSigning', 'userSigning'] as const) {
      if (secrets) held.set(names[part], encodeBase64(secrets[part]));
    }
    const { secret } = this.archive;
    if (secret) held.set(archiveAlgorithm, encodeBase64(secret));
    return held;
  }

  /** Whether the signing keys here are those of the identity in force. */
  #holdsIdentity(): boolean {
    const { store, userId } = this.#options;
    const user = store.get('users', { userId });
    const secrets = store.get('crossSigningSecrets', { userId });
    if (!secrets || user?.trust !== 'verified') return false;
    return crossSigning.publicKeys(secrets).master === user.masterKey;
  }

  /** Takes signing keys that are whole and new here, unless they are of another identity than the published one. */
  async #takeIdentity(found: ReadonlyMap<string, string>): Promise<'taken' | 'same' | 'differs'> {
    const { engine, courier, userId } = this.#options;
    const held = this.#held();
    const [master, selfSigning, userSigning] = Object.values(names).map((name) =>
      keyOf(found.get(name)),
    );
    if (!master || !selfSigning || !userSigning) return 'same';
    if (Object.values(names).every((name) => isSame(found.get(name), held.get(name)))) {
      return 'same';
    }
    if (!(await engine.takeCrossSigning({ userId, master, selfSigning, userSigning }))) {
      return 'differs';
    }
    await courier.followUp();
    return 'taken';
  }

  async #takeShared(name: string, secret: string): Promise<boolean> {
    const bytes = keyOf(secret);
    if (!bytes) return false;
    if (name === archiveAlgorithm) return this.archive.join(bytes);
    this.#received.set(name, secret);
    return (await this.#takeIdentity(this.#received)) !== 'differs';
  }
}
