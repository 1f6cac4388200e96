import { randomUUID } from 'node:crypto';
import type { JsonObject } from '@candor/federation';
import { limits } from '@candor/spec';
import { CandorError } from '../candor-error.ts';
import type { Courier } from '../send/courier.ts';
import { deviceDirectory } from '../signal/device-directory.ts';
import type { ReceiveOutcome } from '../signal/engine-receive.ts';
import { exclusive } from '../signal/exclusive.ts';
import type { SignalEngine } from '../signal/signal-engine.ts';
import type { Store, TableReader } from '../stores/store.ts';
import type { Row } from '../stores/tables.ts';

export type SharingOptions = {
  readonly engine: SignalEngine;
  readonly courier: Pick<Courier, 'perform' | 'followUp'>;
  readonly store: Store;
  readonly userId: string;
  /** The secrets this device has, by name. */
  readonly held: () => ReadonlyMap<string, string>;
  /** Takes one that was asked for; false when it is not what it should be. */
  readonly take: (name: string, secret: string) => Promise<boolean>;
  readonly onProblem: (error: unknown) => void;
};

const roundsMax = 10;

/**
 * The user's devices that a secret is given to, and taken from. The self-signing key signed them, which
 * only a device does that verified them or that the user gave the keys to; and it is the one of an
 * identity this device verified, not of one that only the server vouches for.
 */
const trustedOwn = (tables: TableReader, userId: string): Row<'devices'>[] => {
  if (tables.get('users', { userId })?.trust !== 'verified') return [];
  return tables
    .all('devices', { where: { userId, deleted: false } })
    .filter((device) => deviceDirectory.isEligible(tables, device));
};

/** Secrets between the user's own devices: Matrix's requests, inside pairwise Signal messages. */
// https://spec.matrix.org/v1.19/client-server-api/#sharing
export class SecretSharing {
  readonly #options: SharingOptions;
  readonly #alone = exclusive();

  constructor(options: SharingOptions) {
    this.#options = options;
  }

  /** Asks the user's other devices for secrets; gives how many devices were asked. */
  async ask(names: readonly string[]): Promise<number> {
    const { store, userId } = this.#options;
    if (names.length === 0) return 0;
    if (store.get('users', { userId })?.trust !== 'verified') {
      const text = 'this device did not verify its own identity: it would take any secret';
      throw new CandorError('identity-not-verified', text);
    }
    let asked = 0;
    for (const name of names) {
      const requestId = randomUUID();
      store.transaction((tx) =>
        tx.put('secretRequests', { requestId, name, requestedAt: Date.now() }),
      );
      asked = await this.#request(trustedOwn(store, userId), {
        action: 'request',
        requestId,
        name,
      });
    }
    return asked;
  }

  /** Answers the requests, and takes the answers, among what arrived. */
  receive({ toDevice }: ReceiveOutcome): void {
    const { store, userId, onProblem } = this.#options;
    for (const { sender, senderDevice, message } of toDevice) {
      if (sender !== userId || !message?.type.startsWith('m.secret.')) continue;
      this.#alone(async () => {
        const from = trustedOwn(store, userId).find(({ deviceId }) => deviceId === senderDevice);
        if (from && message.type === 'm.secret.request') await this.#answer(from, message.content);
        if (from && message.type === 'm.secret.send') await this.#take(from, message.content);
      }).catch(onProblem);
    }
  }

  /** Resolves when nothing is under way. */
  idle(): Promise<void> {
    return this.#alone(() => Promise.resolve());
  }

  async #answer(to: Row<'devices'>, content: JsonObject): Promise<void> {
    const { action, name, request_id: requestId } = content;
    if (action !== 'request' || typeof name !== 'string' || typeof requestId !== 'string') return;
    const secret = this.#options.held().get(name);
    if (secret === undefined) return;
    await this.#send([to], 'm.secret.send', { request_id: requestId, secret });
  }

  async #take(from: Row<'devices'>, content: JsonObject): Promise<void> {
    const { store, userId, take } = this.#options;
    const { secret, request_id: requestId } = content;
    if (typeof requestId !== 'string' || typeof secret !== 'string') return;
    const asked = store.get('secretRequests', { requestId });
    if (!asked || Date.now() - asked.requestedAt > limits.secretRequestLifetimeMs) return;
    if (!(await take(asked.name, secret))) return;
    store.transaction((tx) => tx.delete('secretRequests', { requestId }));
    const others = trustedOwn(store, userId).filter(({ deviceId }) => deviceId !== from.deviceId);
    await this.#request(others, { action: 'request_cancellation', requestId });
  }

  #request(
    devices: readonly Row<'devices'>[],
    request: { readonly action: string; readonly requestId: string; readonly name?: string },
  ): Promise<number> {
    const { action, requestId, name } = request;
    return this.#send(devices, 'm.secret.request', {
      ...{ action, request_id: requestId, ...(name !== undefined && { name }) },
      requesting_device_id: this.#ownDeviceId(),
    });
  }

  #ownDeviceId(): string {
    const { store, userId } = this.#options;
    return store.get('deviceIdentity', { userId })?.deviceId ?? '';
  }

  async #send(
    devices: readonly Row<'devices'>[],
    type: string,
    content: JsonObject,
  ): Promise<number> {
    const { engine, courier } = this.#options;
    for (let round = 0; round < roundsMax; round++) {
      const step = await engine.sendToDevices(devices, { type, content });
      if (step.status === 'queued') {
        await courier.followUp();
        return step.devices;
      }
      await courier.perform(step.requests);
    }
    return 0;
  }
}
