import type { JsonObject } from '@candor/federation';
import { Overlay } from '../stores/overlay.ts';
import type { Store, TableWriter } from '../stores/store.ts';
import type { Row, TrustState } from '../stores/tables.ts';
import { safetyNumber } from '../verification/safety-number.ts';
import { warnings } from '../verification/trust.ts';
import { type CrossSigningSecrets, openCrossSigning, sealCrossSigning } from './cross-signing.ts';
import { deviceDirectory } from './device-directory.ts';
import { loadDeviceIdentity } from './device-identity.ts';
import type { OutgoingEvent } from './encrypt-room-event.ts';
import type { EngineContext, EngineRequest } from './engine-context.ts';
import { engineIdentity, type OwnIdentity } from './engine-identity.ts';
import { engineReceive, type ReceiveBatch, type ReceiveOutcome } from './engine-receive.ts';
import { engineRequests } from './engine-requests.ts';
import { type EncryptStep, engineSend } from './engine-send.ts';
import { engineToDevice, type ToDeviceStep } from './engine-to-device.ts';
import { exclusive } from './exclusive.ts';
import { FanOut } from './fan-out.ts';
import type { SafetyNumber } from './fingerprint.ts';
import { toDeviceOutbox } from './to-device-outbox.ts';

export type SignalEngineOptions = {
  readonly store: Store;
  readonly userId: string;
  readonly deviceId: string;
  readonly now?: () => number;
  /** Where work for many devices is done, if not in a thread of the engine's own. */
  readonly fanOut?: FanOut;
};

/** Further writes of the caller in the same transaction, such as the sync token. It must not await. */
export type InSameTransaction<R> = (tx: TableWriter, result: R) => void;

/**
 * The Signal protocol of one device. It never talks to the network: it is given what arrived, and
 * gives back plaintexts and the requests to make. Each method runs alone, works on an overlay of
 * the store, and writes all of its changes in one transaction or, when it throws, none.
 */
export class SignalEngine {
  readonly #store: Store;
  readonly #context: EngineContext;
  readonly #alone = exclusive();

  constructor({ store, userId, deviceId, now = Date.now, fanOut }: SignalEngineOptions) {
    this.#store = store;
    const identity = store.transaction((tx) => {
      deviceDirectory.track(tx, [userId]);
      return loadDeviceIdentity(tx, userId, deviceId);
    });
    this.#context = { identity, now, fanOut: fanOut ?? new FanOut(identity) };
  }

  // libsignal locks nothing: two operations that load the same chain would use one key twice. The
  // work is on one thread anyway, so a lock for the account costs nothing over one per address.
  #run<R>(
    task: (tables: TableWriter, context: EngineContext) => Promise<R> | R,
    alsoWrite?: InSameTransaction<R>,
  ): Promise<R> {
    return this.#alone(async () => {
      const overlay = new Overlay(this.#store);
      const result = await task(overlay, this.#context);
      this.#store.transaction((tx) => {
        overlay.applyTo(tx);
        alsoWrite?.(tx, result);
      });
      return result;
    });
  }

  /** Ends what runs beside the process's own thread; the store stays open. */
  close(): Promise<void> {
    return this.#context.fanOut.close();
  }

  /** The requests that are due: uploads, queries, claims for retries, to-device messages. Call after each sync. */
  outgoingRequests(): Promise<EngineRequest[]> {
    return this.#run(engineRequests.due);
  }

  /** A request about many in parts that are best applied one by one, each with the answer to the whole. */
  partsOf(request: EngineRequest): readonly EngineRequest[] {
    return engineRequests.partsOf(request);
  }

  /** Takes in the JSON body of a request's 200 answer. */
  applyAnswer(request: EngineRequest, answer: unknown): Promise<ReceiveOutcome> {
    return this.#run((tables, context) => engineReceive.answer(tables, context, request, answer));
  }

  /** A request that was refused: queries and claims are left alone for a minute, one-time keys are given up, the rest stays due. */
  applyFailure(request: EngineRequest): Promise<void> {
    return this.#run((tables, { now }) => engineRequests.failed(tables, now(), request));
  }

  /** Takes in a sync answer or a page of history; everything in it is read, or kept with the reason. */
  receive(
    batch: ReceiveBatch,
    alsoWrite?: InSameTransaction<ReceiveOutcome>,
  ): Promise<ReceiveOutcome> {
    return this.#run((tables, context) => engineReceive.batch(tables, context, batch), alsoWrite);
  }

  /** Encrypts one event of a room, step by step; the same txnId is only ever encrypted once. */
  async encryptRoomEvent(event: OutgoingEvent): Promise<EncryptStep> {
    for (;;) {
      const step = await this.#run((tables, context) =>
        engineSend.encryptStep(tables, context, event),
      );
      if (step.status !== 'distribute') return step;
      for (const slice of step.slices) {
        await this.#run((tables, context) =>
          engineSend.distribute(tables, context, event, step.distributionId, slice),
        );
      }
    }
  }

  /** The server accepted the event: its plaintext becomes a timeline row. */
  markSent(
    txnId: string,
    eventId: string,
    originServerTs?: number,
  ): Promise<Row<'timeline'> | undefined> {
    return this.#run((tables, context) =>
      engineSend.markSent(tables, context, txnId, eventId, originServerTs ?? context.now()),
    );
  }

  /** The event will not be sent after all. */
  abandon(txnId: string): Promise<void> {
    return this.#run((tables) => engineSend.abandon(tables, txnId));
  }

  ownIdentity(): OwnIdentity {
    return engineIdentity.own(this.#store, this.#context);
  }

  /** Makes this user's cross-signing keys and queues their upload (which asks for the password again). */
  createCrossSigning(): Promise<void> {
    return this.#run(engineIdentity.create);
  }

  /** The private cross-signing keys, sealed with a passphrase, for another of the user's devices. */
  exportCrossSigningSecret(passphrase: string): string | undefined {
    const secrets = this.#store.get('crossSigningSecrets', {
      userId: this.#context.identity.userId,
    });
    return secrets && sealCrossSigning(secrets, passphrase);
  }

  /** Takes over exported keys and queues this device's signature; false for a wrong passphrase or identity. */
  async importCrossSigningSecret(sealed: string, passphrase: string): Promise<boolean> {
    const secrets = openCrossSigning(this.#context.identity.userId, sealed, passphrase);
    if (!secrets) return false;
    return this.takeCrossSigning(secrets);
  }

  /** Takes over the keys themselves, from secret storage or another own device; false when they are not the published ones. */
  takeCrossSigning(secrets: CrossSigningSecrets): Promise<boolean> {
    return this.#run((tables, context) => engineIdentity.import(tables, context, secrets));
  }

  /** Encrypts a message of the client's own to devices, step by step, and queues it. */
  sendToDevices(
    devices: readonly { readonly userId: string; readonly deviceId: string }[],
    message: { readonly type: string; readonly content: JsonObject },
  ): Promise<ToDeviceStep> {
    return this.#run((tables, context) => engineToDevice(tables, context, devices, message));
  }

  /** Queues messages that travel unencrypted, by user and device. */
  queueToDevice(eventType: string, messages: JsonObject): Promise<void> {
    return this.#run((tables, context) =>
      toDeviceOutbox.addPlain(tables, context, eventType, messages),
    );
  }

  /** The user's keys are asked for anew with the next requests, also when nothing is said to have changed. */
  wantKeysOf(userId: string): Promise<void> {
    return this.#run((tables) => {
      deviceDirectory.track(tables, [userId]);
      deviceDirectory.markOutdated(tables, [userId]);
    });
  }

  /** Queues our self-signing key's signature of an own device, given as its own signed `device_keys`; false without that key. */
  signOwnDevice(deviceId: string, deviceKeys: JsonObject): Promise<boolean> {
    return this.#run((tables, context) =>
      engineIdentity.signDevice(tables, context, deviceId, deviceKeys),
    );
  }

  /** Accepts a user's changed key, named so that it is the one the person saw; undefined when it is another by now. */
  acknowledge(userId: string, masterKey: string): Promise<ReceiveOutcome | undefined> {
    return this.#accept(userId, masterKey, 'acknowledged');
  }

  /** The person compared the safety number made with this key. */
  verify(userId: string, masterKey: string): Promise<ReceiveOutcome | undefined> {
    return this.#accept(userId, masterKey, 'verified');
  }

  #accept(userId: string, masterKey: string, how: 'acknowledged' | 'verified') {
    return this.#run((tables, context) =>
      engineReceive.accepted(tables, context, userId, masterKey, how),
    );
  }

  /** What the person has not dealt with yet, oldest first. */
  warnings(): Row<'warnings'>[] {
    return warnings.open(this.#store);
  }

  /** How far a user is trusted, and the master key to decide about: the offered one when it changed. */
  trustOf(userId: string): { readonly state: TrustState; readonly masterKey: string | null } {
    const user = this.#store.get('users', { userId });
    return {
      state: user?.trust ?? 'unknown',
      masterKey: user?.offeredMasterKey ?? user?.masterKey ?? null,
    };
  }

  /** The safety number with a user, over the keys `trustOf` shows; undefined while one is not known. */
  safetyNumber(userId: string): SafetyNumber | undefined {
    const own = this.#store.get('users', { userId: this.#context.identity.userId });
    const { masterKey } = this.trustOf(userId);
    if (!own?.masterKey || masterKey === null) return undefined;
    return safetyNumber({ userId: own.userId, masterKey: own.masterKey }, { userId, masterKey });
  }

  /** A user's devices as far as known, with whether messages are encrypted to them. */
  devicesOf(userId: string): (Row<'devices'> & { readonly eligible: boolean })[] {
    return this.#store
      .all('devices', { where: { userId, deleted: false } })
      .map((device) => ({ ...device, eligible: deviceDirectory.isEligible(this.#store, device) }));
  }
}
