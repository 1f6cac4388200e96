import { randomUUID } from 'node:crypto';
import type { JsonObject } from '@candor/federation';
import { limits } from '@candor/spec';
import { CandorError } from '../candor-error.ts';
import type { Telling } from '../client-events.ts';
import type { Courier } from '../send/courier.ts';
import type { SendQueue } from '../send/send-queue.ts';
import { exclusive } from '../signal/exclusive.ts';
import { memberOf } from '../signal/member-of.ts';
import type { ToDeviceEvent } from '../signal/to-device-events.ts';
import type { Store } from '../stores/store.ts';
import type { Row } from '../stores/tables.ts';
import { type ConcludeContext, conclude } from './conclude.ts';
import { type Action, type Flow, flows, type Method, type OwnSide } from './flow.ts';
import { allMethods, newFlow, type Offer } from './new-flow.ts';
import { readOffer } from './read-offer.ts';
import { sides } from './sides.ts';
import { strayAnswers } from './stray-answers.ts';
import { Verification } from './verification.ts';

export type VerificationsContext = ConcludeContext & {
  readonly store: Store;
  readonly courier: Courier;
  readonly queue: SendQueue;
  readonly userId: string;
};

export type VerificationRequest = {
  /** Ask in this room, encrypted; without it by to-device messages, which every Matrix client reads. */
  readonly roomId?: string;
  /** Ask only this device. */
  readonly deviceId?: string;
  /** Leave out what the application cannot do, such as scanning. */
  readonly methods?: readonly Method[];
};

/** To-device messages are known by sender and transaction, those in rooms by room and first event. */
const keyOf = (senderOrRoom: string, id: string): string => `${senderOrRoom} ${id}`;

/** The verifications of one client: asked for, offered, and under way. They do not survive a restart. */
export class Verifications {
  readonly #context: VerificationsContext;
  readonly #tell: (telling: Telling) => void;
  readonly #open = new Map<string, Verification>();
  readonly #mayAnswerStray = strayAnswers();
  /** Requests of ours on their way into rooms: answers to them may be quicker than their ids. */
  readonly #asking = new Map<string, Promise<unknown>>();
  readonly #alone = exclusive();
  readonly #onProblem = (error: unknown) => this.#tell({ name: 'problem', args: [error] });

  constructor(context: VerificationsContext, tell: (telling: Telling) => void) {
    this.#context = context;
    this.#tell = tell;
  }

  /** Those that are not over. */
  all(): Verification[] {
    return [...this.#open.values()].filter(({ standing }) => !standing.isOver);
  }

  /** Asks a user, or with one's own id the other own devices, to verify each other. */
  async request(userId: string, options: VerificationRequest = {}): Promise<Verification> {
    const { store } = this.#context;
    const { roomId, deviceId, methods = allMethods } = options;
    await this.#refresh(userId, true);
    const own = this.#own();
    if (userId !== own.userId && !own.vouches) throw unsigned();
    const asked = sides
      .devicesToAsk(store, own, userId)
      .filter((id) => deviceId === undefined || id === deviceId)
      .slice(0, limits.verificationDevicesAskedMax);
    if (asked.length === 0) {
      throw new CandorError('no-devices', `${userId} has no device to verify with`, [userId]);
    }
    // They would take a second attempt for a reason to end both.
    for (const open of this.all()) if (open.userId === userId && !open.incoming) open.cancel();
    const asking = { own, otherUserId: userId, asked, ownMethods: methods };
    if (roomId !== undefined) return this.#askInRoom({ ...asking, roomId, asked: [] });
    const flow = newFlow.requested({ ...asking, id: randomUUID(), roomId: null }, Date.now());
    const verification = this.#add(flow);
    const body = { from_device: own.deviceId, methods: [...methods], timestamp: Date.now() };
    await this.#send(flow, flows.send(flow, 'request', body));
    return verification;
  }

  #askInRoom(
    asking: Pick<Flow, 'own' | 'otherUserId' | 'asked' | 'ownMethods'> & { roomId: string },
  ): Promise<Verification> {
    const { own, otherUserId, ownMethods, roomId } = asking;
    const content = {
      msgtype: `${flows.prefix}request`,
      body: `${own.userId} asks to verify keys, which this client does not support.`,
      to: otherUserId,
      from_device: own.deviceId,
      methods: [...ownMethods],
    };
    const sent = this.#context.queue
      .add(roomId, 'm.room.message', content)
      .then(({ eventId: id }) => this.#add(newFlow.requested({ ...asking, id }, Date.now())));
    const forget = () => this.#asking.delete(roomId);
    this.#asking.set(roomId, sent.then(forget, forget));
    return sent;
  }

  /** For the client: what a sync or an answer brought. */
  receive(toDevice: readonly ToDeviceEvent[], rows: readonly Row<'timeline'>[]): void {
    for (const event of toDevice) {
      if (event.type.startsWith(flows.prefix)) this.#later(() => this.#takeToDevice(event));
    }
    for (const row of rows) {
      // In rooms only what came encrypted counts: its device is known.
      if (row.state !== 'decrypted' || !readOffer.isPartOfOne(row)) continue;
      this.#later(() => this.#takeRow(row), this.#asking.get(row.roomId));
    }
  }

  #later(task: () => Promise<void>, after: Promise<unknown> = Promise.resolve()): void {
    after.then(() => this.#alone(task)).catch(this.#onProblem);
  }

  /** For the client: it stops. The other sides will find out in time. */
  stop(): void {
    for (const verification of this.#open.values()) verification.close();
    this.#open.clear();
  }

  async #takeToDevice(event: ToDeviceEvent): Promise<void> {
    const { sender, content } = event;
    const { transaction_id: id, from_device: fromDevice } = content;
    const own = this.#own();
    if (!readOffer.isId(id) || (sender === own.userId && fromDevice === own.deviceId)) return;
    const known = this.#open.get(keyOf(sender, id));
    const type = event.type.slice(flows.prefix.length);
    if (known) return this.#pass(known, { type, content, sender, senderDevice: null });
    const offer = readOffer.toDevice(event, Date.now());
    if (offer) return this.#takeOffer(own, sender, offer);
    if (['ready', 'accept', 'key', 'mac'].includes(type)) await this.#answerStray(sender, id);
  }

  async #takeRow(row: Row<'timeline'>): Promise<void> {
    const own = this.#own();
    const { sender, senderDevice, content, roomId } = row;
    if (content === null || (sender === own.userId && senderDevice === own.deviceId)) return;
    const offer = readOffer.inRoom(row, own.userId);
    if (offer) return this.#takeOffer(own, sender, offer);
    const relation = content['m.relates_to'];
    const id = memberOf(relation, 'event_id');
    if (typeof id !== 'string' || memberOf(relation, 'rel_type') !== 'm.reference') return;
    const known = this.#open.get(keyOf(roomId, id));
    const type = row.type.slice(flows.prefix.length);
    if (known) await this.#pass(known, { type, content, sender, senderDevice });
  }

  async #pass(
    verification: Verification,
    message: { type: string; content: JsonObject; sender: string; senderDevice: string | null },
  ): Promise<void> {
    const { content, sender } = message;
    const find = () => sides.other(this.#context.store, sender, content['from_device']);
    let from = message.type === 'ready' ? find() : undefined;
    if (message.type === 'ready' && !from && !verification.standing.isOver) {
      await this.#refresh(sender);
      from = find();
    }
    verification.take({ kind: 'received', ...message, from });
  }

  async #takeOffer(own: OwnSide, sender: string, offer: Offer): Promise<void> {
    if (!newFlow.isTimely(offer, Date.now())) return;
    const key = keyOf(offer.roomId ?? sender, offer.id);
    if (this.#open.has(key)) return;
    const open = this.all();
    const ofUser = open.filter(({ userId }) => userId === sender);
    if (open.length >= limits.verificationsOpenMax) return;
    if (this.#open.size >= limits.verificationsKeptMax) return;
    if (ofUser.length >= limits.verificationsOpenPerUserMax) return;
    await this.#refresh(sender);
    const other = sides.other(this.#context.store, sender, offer.fromDevice);
    if (!other || (sender !== own.userId && !this.#own().vouches)) return;
    const flow = newFlow.offered(offer, this.#own(), other, Date.now());
    // https://spec.matrix.org/v1.19/client-server-api/#error-and-exception-handling
    const others = ofUser.filter((one) => one.incoming && one.deviceId === offer.fromDevice);
    const verification = this.#add(flow);
    for (const one of others) one.cancel();
    if (others.length > 0) verification.cancel();
    else this.#tell({ name: 'verification', args: [verification] });
  }

  /** Tells a device that goes on with something we do not know, such as from before a restart. */
  async #answerStray(sender: string, id: string): Promise<void> {
    if (!this.#mayAnswerStray(keyOf(sender, id), Date.now())) return;
    const reason = 'the transaction is not known';
    const content = { transaction_id: id, code: 'm.unknown_transaction', reason };
    const messages = { [sender]: { '*': content } };
    await this.#context.engine.queueToDevice(`${flows.prefix}cancel`, messages);
    this.#followUp();
  }

  #own(): OwnSide {
    const own = sides.own(this.#context.store, this.#context.userId);
    if (!own) throw new CandorError('no-account', 'this device has no keys');
    return own;
  }

  /** Asks for the user's keys: those who share no encrypted room with us are told of no changes. */
  async #refresh(userId: string, isWish = false): Promise<void> {
    const { engine, courier, store } = this.#context;
    const askedAt = store.get('users', { userId })?.queriedAt ?? 0;
    // Others cannot make us ask at every message.
    const isDue = Date.now() - askedAt >= limits.verificationKeyQueryIntervalMs;
    if (isWish || isDue) await engine.wantKeysOf(userId);
    // Without an answer the keys known so far count.
    await courier.followUp().catch(this.#onProblem);
  }

  #followUp(): void {
    this.#context.courier.followUp().catch(this.#onProblem);
  }

  #add(flow: Flow): Verification {
    const key = keyOf(flow.roomId ?? flow.otherUserId, flow.id);
    const verification = new Verification(flow, {
      now: Date.now,
      onProblem: this.#onProblem,
      perform: (after, actions) => this.#perform(after, actions),
      // Late messages of one that is over are still known for what they are.
      onOver: () => {
        setTimeout(() => this.#open.delete(key), limits.verificationMsMax).unref();
      },
    });
    this.#open.set(key, verification);
    return verification;
  }

  async #perform(flow: Flow, actions: readonly Action[]): Promise<boolean> {
    // Queued at once, so that nothing comes in between.
    const sent = actions.map((action) => action.kind === 'send' && this.#send(flow, action));
    const verified = actions.find(({ kind }) => kind === 'verified');
    if (verified?.kind !== 'verified') return Promise.all(sent).then(() => true);
    // What is queued goes out in time, also after a restart: the result does not wait for it.
    Promise.all(sent).catch(this.#onProblem);
    const isAccepted = await conclude(this.#context, flow, verified.proof);
    this.#followUp();
    const isOwn = flows.isOwnUser(flow) && flow.other !== null;
    if (isAccepted && isOwn) {
      this.#tell({ name: 'ownDeviceVerified', args: [flow.other.deviceId] });
    }
    return isAccepted;
  }

  async #send(flow: Flow, { type, content, devices }: Action & { kind: 'send' }): Promise<void> {
    const { engine, queue } = this.#context;
    if (flow.roomId !== null) {
      await queue.add(flow.roomId, type, content);
      return;
    }
    const messages = Object.fromEntries(devices.map((deviceId) => [deviceId, content]));
    await engine.queueToDevice(type, { [flow.otherUserId]: messages });
    this.#followUp();
  }
}

const unsigned = () =>
  new CandorError(
    'own-device-not-signed',
    'this device is not signed by its user: import the identity',
  );
