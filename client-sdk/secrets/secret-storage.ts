import { isObject, type JsonObject } from '@candor/federation';
import { clientServer } from '@candor/spec';
import type { HomeserverApi } from '../api/homeserver-api.ts';
import { RequestError } from '../api/request-error.ts';
import { CandorError } from '../candor-error.ts';
import { memberOf } from '../signal/member-of.ts';
import { aesHmacSha2 } from './aes-hmac-sha2.ts';
import { recoveryKey } from './recovery-key.ts';
import { type StorageKey, storageKey } from './storage-key.ts';

const defaultKeyType = 'm.secret_storage.default_key';
const keyTypeOf = (keyId: string): string => `m.secret_storage.key.${keyId}`;

/**
 * The user's secrets on the homeserver, as Matrix has them: every client with the key reads and
 * writes them. Once created or unlocked, the key is kept in memory and nowhere else.
 */
// https://spec.matrix.org/v1.19/client-server-api/#storage
export class SecretStorage {
  readonly #api: HomeserverApi;
  readonly #userId: string;
  #unlocked: StorageKey | undefined;

  constructor(api: HomeserverApi, userId: string) {
    this.#api = api;
    this.#userId = userId;
  }

  get isUnlocked(): boolean {
    return this.#unlocked !== undefined;
  }

  /** The key that secrets are kept under, as it is described; undefined when there is none. */
  async defaultKey(): Promise<{ keyId: string; description: JsonObject } | undefined> {
    const keyId = memberOf(await this.#get(defaultKeyType), 'key');
    if (typeof keyId !== 'string') return undefined;
    const description = await this.#get(keyTypeOf(keyId));
    return description && { keyId, description };
  }

  /** Makes a key and the default of it; gives the form in which it is written down. */
  async create(passphrase: string | undefined): Promise<string> {
    const { description, ...made } = await storageKey.create(passphrase);
    await this.#put(keyTypeOf(made.keyId), description);
    await this.#put(defaultKeyType, { key: made.keyId });
    this.#unlocked = made;
    return recoveryKey.encode(made.key);
  }

  /** Rejects, and is as it was, when what the person typed is neither the recovery key nor the passphrase. */
  async unlock(typed: string): Promise<void> {
    const known = await this.defaultKey();
    if (!known) throw new CandorError('no-recovery', 'the user has no recovery: create one');
    const opened = await storageKey.open(known.keyId, known.description, typed);
    if (!opened) {
      const text = 'this is neither the recovery key nor the passphrase of the recovery';
      throw new CandorError('wrong-recovery-key', text);
    }
    this.#unlocked = opened;
  }

  /** A secret; undefined when it is not there, or not under this key. */
  async read(name: string): Promise<string | undefined> {
    const unlocked = this.#key();
    const sealed = memberOf(memberOf(await this.#get(name), 'encrypted'), unlocked.keyId);
    const secret = aesHmacSha2.open(unlocked.key, name, sealed);
    // What opens was sealed with this key, so the server did not choose how it is derived.
    if (secret !== undefined) this.#unlocked = { ...unlocked, isProven: true };
    return secret;
  }

  /** Not under a key that nothing proves: a server could have made it one that is easily guessed. */
  async write(name: string, secret: string): Promise<void> {
    const { keyId, key, isProven } = this.#key();
    if (!isProven) {
      throw new CandorError('wrong-recovery-key', 'the recovery has nothing to check the key by');
    }
    await this.#put(name, { encrypted: { [keyId]: aesHmacSha2.seal(key, name, secret) } });
  }

  /** Account data cannot be deleted, so nothing is left in it. */
  async erase(name: string): Promise<void> {
    if (await this.#get(name)) await this.#put(name, { encrypted: {} });
  }

  #key(): StorageKey {
    if (this.#unlocked) return this.#unlocked;
    throw new CandorError('recovery-locked', 'create or unlock the recovery first');
  }

  async #get(type: string): Promise<JsonObject | undefined> {
    const params = { userId: this.#userId, type };
    try {
      const content: unknown = await this.#api.call(clientServer.getAccountData, { params });
      return isObject(content) ? content : undefined;
    } catch (error) {
      if (error instanceof RequestError && error.errcode === 'M_NOT_FOUND') return undefined;
      throw error;
    }
  }

  async #put(type: string, body: JsonObject): Promise<void> {
    const params = { userId: this.#userId, type };
    await this.#api.call(clientServer.setAccountData, { params, body });
  }
}
