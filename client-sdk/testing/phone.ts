import { randomUUID } from 'node:crypto';
import type { JsonObject } from '@candor/federation';
import { loadDeviceIdentity } from '../signal/device-identity.ts';
import type { EngineRequest } from '../signal/engine-context.ts';
import type { ReceiveOutcome } from '../signal/engine-receive.ts';
import type { EncryptStep } from '../signal/engine-send.ts';
import { SignalEngine } from '../signal/signal-engine.ts';
import { toDeviceOutbox } from '../signal/to-device-outbox.ts';
import { openMemoryStore } from '../stores/memory-store.ts';
import { Overlay } from '../stores/overlay.ts';
import type { Store } from '../stores/store.ts';
import type { Row } from '../stores/tables.ts';
import type { PostOffice } from './post-office.ts';

export type TestRoom = { readonly roomId: string; members: string[]; readonly direct: boolean };
/** A clock that all phones of a test share. */
export type TestClock = { ms: number };

/** One device in a test: an engine, its store, and the loop that a client would run around them. */
export class Phone {
  readonly office: PostOffice;
  readonly clock: TestClock;
  readonly userId: string;
  readonly deviceId: string;
  readonly store: Store;
  engine: SignalEngine;
  // Sealing is slow on purpose; one text serves all devices a test adds.
  #sealed: string | undefined;

  constructor(
    office: PostOffice,
    clock: TestClock,
    userId: string,
    deviceId: string,
    store = openMemoryStore(),
  ) {
    this.office = office;
    this.clock = clock;
    this.userId = userId;
    this.deviceId = deviceId;
    this.store = store;
    this.engine = this.#open();
  }

  #open(): SignalEngine {
    const { store, userId, deviceId, clock } = this;
    return new SignalEngine({ store, userId, deviceId, now: () => clock.ms });
  }

  /** A new engine on the same store, as after a restart. */
  restart(): void {
    this.engine = this.#open();
  }

  get inbox() {
    return this.office.device(this.userId, this.deviceId).inbox;
  }

  async perform(requests: readonly EngineRequest[]): Promise<ReceiveOutcome[]> {
    const outcomes: ReceiveOutcome[] = [];
    for (const request of requests) {
      const answer = this.office.answer(this.userId, this.deviceId, request);
      outcomes.push(await this.engine.applyAnswer(request, answer));
    }
    return outcomes;
  }

  /** Makes requests until there are none. */
  async settle(): Promise<ReceiveOutcome[]> {
    const outcomes: ReceiveOutcome[] = [];
    for (let round = 0; round < 10; round++) {
      const requests = await this.engine.outgoingRequests();
      if (requests.length === 0) return outcomes;
      outcomes.push(...(await this.perform(requests)));
    }
    throw new Error('requests do not come to an end');
  }

  /** Publishes this device; the user's first one makes the cross-signing keys, others import them. */
  async setUp(from?: Phone): Promise<this> {
    await this.settle();
    if (from) {
      from.#sealed ??= from.engine.exportCrossSigningSecret('secret');
      const sealed = from.#sealed ?? '';
      if (!(await this.engine.importCrossSigningSecret(sealed, 'secret'))) {
        throw new Error('the secret was not taken');
      }
    } else {
      await this.engine.createCrossSigning();
    }
    await this.settle();
    return this;
  }

  /** Hands the inbox to the engine as one sync, without the requests that follow. */
  async read(): Promise<ReceiveOutcome> {
    const { inbox } = this;
    const device = this.office.device(this.userId, this.deviceId);
    const rooms = Map.groupBy(inbox.events.splice(0), ({ roomId }) => roomId);
    const changed = [...inbox.changed];
    inbox.changed.clear();
    return this.engine.receive({
      toDevice: inbox.toDevice.splice(0),
      rooms: [...rooms].map(([roomId, entries]) => ({
        roomId,
        events: entries.map(({ event }) => event),
      })),
      deviceLists: { changed },
      oneTimeKeysCount: { 'dev.candor.signal.bundle': device.oneTimeKeys.size },
      unusedFallbackKeyTypes: device.fallbackUsed ? [] : ['dev.candor.signal.bundle'],
    });
  }

  /** A whole sync: reads the inbox, then makes the requests that follow from it. */
  async sync(): Promise<ReceiveOutcome> {
    const outcome = await this.read();
    const later = await this.settle();
    return {
      events: outcome.events,
      updated: [...outcome.updated, ...later.flatMap(({ updated }) => updated)],
      toDevice: [...outcome.toDevice, ...later.flatMap(({ toDevice }) => toDevice)],
      warnings: [...outcome.warnings, ...later.flatMap(({ warnings }) => warnings)],
    };
  }

  /** Goes through the steps of encrypting until there is a result. */
  async encrypt(
    room: TestRoom,
    content: JsonObject,
    txnId: string = randomUUID(),
  ): Promise<Exclude<EncryptStep, { status: 'needs' }>> {
    const { roomId, members, direct } = room;
    const event = { txnId, roomId, members, direct, type: 'm.room.message', content };
    for (let round = 0; round < 10; round++) {
      const step = await this.engine.encryptRoomEvent(event);
      if (step.status !== 'needs') return step;
      await this.perform(step.requests);
    }
    throw new Error('encrypting does not come to an end');
  }

  /** The same where being blocked would be a failure. */
  async ready(room: TestRoom, content: JsonObject, txnId?: string) {
    const step = await this.encrypt(room, content, txnId);
    if (step.status !== 'ready') throw new Error(`blocked: ${step.reason}`);
    return step;
  }

  /** Sends a text; the event reaches all devices of `readers`, by default the room's members. */
  async say(
    room: TestRoom,
    body: string,
    readers: readonly string[] = room.members,
  ): Promise<string> {
    const step = await this.ready(room, { msgtype: 'm.text', body });
    await this.perform(step.toDevice);
    const eventId = this.office.send(room.roomId, this.userId, step.type, step.content, readers);
    await this.engine.markSent(step.txnId, eventId);
    return eventId;
  }

  /** What a device with a changed program could send: any content in a pairwise message of its own. */
  async sendAnything(
    to: Phone,
    type: string,
    roomId: string,
    content: JsonObject,
  ): Promise<JsonObject> {
    const { store, userId, deviceId, clock } = this;
    const device = store.get('devices', { userId: to.userId, deviceId: to.deviceId });
    if (!device) throw new Error('the device is not known');
    const overlay = new Overlay(store);
    const identity = loadDeviceIdentity(overlay, userId, deviceId);
    const context = { identity, now: () => clock.ms };
    const message = { type, roomId, content };
    const sent = await toDeviceOutbox.encrypt(overlay, context, device, message);
    store.transaction((tx) => overlay.applyTo(tx));
    to.inbox.toDevice.push({ type: 'm.room.encrypted', sender: userId, content: sent.content });
    return sent.content;
  }

  row(room: TestRoom, eventId: string): Row<'timeline'> | undefined {
    return this.store.get('timeline', { roomId: room.roomId, eventId });
  }

  /** What the person sees of a room: texts, or state and reason of what could not be read. */
  texts(room: TestRoom): string[] {
    const where = { roomId: room.roomId };
    return this.store
      .all('timeline', { where, orderBy: 'position' })
      .map(({ content, state, reason }) =>
        content ? String(content['body']) : `${state}: ${reason}`,
      );
  }
}
