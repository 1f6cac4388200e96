import { isObject, type JsonObject } from '@candor/federation';
import { clientServer } from '@candor/spec';
import type { HomeserverApi } from '../api/homeserver-api.ts';
import { RequestError } from '../api/request-error.ts';
import { memberOf } from '../signal/member-of.ts';
import { aesHmacSha2 } from './aes-hmac-sha2.ts';
import type { StorageKey } from './storage-key.ts';

const defaultKeyType = 'm.secret_storage.default_key';
const keyTypeOf = (keyId: string): string => `m.secret_storage.key.${keyId}`;

/** The user's secrets on the homeserver, as Matrix has them: every client with the key reads and writes them. */
// https://spec.matrix.org/v1.19/client-server-api/#storage
export class SecretStorage {
  readonly #api: HomeserverApi;
  readonly #userId: string;

  constructor(api: HomeserverApi, userId: string) {
    this.#api = api;
    this.#userId = userId;
  }

  /** The key that secrets are kept under, as it is described; undefined when there is none. */
  async defaultKey(): Promise<{ keyId: string; description: JsonObject } | undefined> {
    const keyId = memberOf(await this.#get(defaultKeyType), 'key');
    if (typeof keyId !== 'string') return undefined;
    const description = await this.#get(keyTypeOf(keyId));
    return description && { keyId, description };
  }

  /** Publishes a key's description and makes it the default. */
  async addDefaultKey(keyId: string, description: JsonObject): Promise<void> {
    await this.#put(keyTypeOf(keyId), description);
    await this.#put(defaultKeyType, { key: keyId });
  }

  /** A secret; undefined when it is not there, or not under this key. */
  async read({ keyId, key }: StorageKey, name: string): Promise<string | undefined> {
    const sealed = memberOf(memberOf(await this.#get(name), 'encrypted'), keyId);
    return aesHmacSha2.open(key, name, sealed);
  }

  async write({ keyId, key }: StorageKey, name: string, secret: string): Promise<void> {
    await this.#put(name, { encrypted: { [keyId]: aesHmacSha2.seal(key, name, secret) } });
  }

  /** Account data cannot be deleted, so nothing is left in it. */
  async erase(name: string): Promise<void> {
    if (await this.#get(name)) await this.#put(name, { encrypted: {} });
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
    await this.#api.call(clientServer.setAccountData, {
      params: { userId: this.#userId, type },
      body,
    });
  }
}
