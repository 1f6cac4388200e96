import { randomUUID } from 'node:crypto';
import type { JsonObject } from '@candor/federation';
import { clientServer, limits } from '@candor/spec';
import type { HomeserverApi } from '../api/homeserver-api.ts';
import type { Archive } from '../archive/archive.ts';
import { attachedFile, type FileToSend } from '../attachments/attached-file.ts';
import { decryptAttachment, decryptAttachmentTo } from '../attachments/encrypted-file.ts';
import type { SendQueue } from '../send/send-queue.ts';
import type { SignalEngine } from '../signal/signal-engine.ts';
import type { Store } from '../stores/store.ts';
import type { Row } from '../stores/tables.ts';
import { audienceOf } from './audience.ts';
import { loadEarlier } from './load-earlier.ts';
import { type Message, message } from './message.ts';
import { type RoomEncryption, roomEncryption } from './room-encryption.ts';
import { type RoomSummary, roomSummary } from './room-summary.ts';

/** An event that was refused for good and waits for a decision. */
export type UnsentEvent = {
  readonly txnId: string;
  readonly type: string;
  readonly content: JsonObject;
  readonly error: string;
};

/** What the rooms of a client work with. */
export type RoomContext = {
  readonly api: HomeserverApi;
  readonly store: Store;
  readonly engine: SignalEngine;
  readonly queue: SendQueue;
  readonly userId: string;
  readonly archive: Archive;
};

/** A room as this device knows it; reading is from the store, acting asks the homeserver. */
export class Room {
  readonly id: string;
  readonly #context: RoomContext;

  constructor(context: RoomContext, id: string) {
    this.#context = context;
    this.id = id;
  }

  get #row(): Row<'rooms'> {
    return roomSummary.rowOf(this.#context.store, this.id);
  }
  get #summary(): RoomSummary {
    return roomSummary.of(this.#row);
  }

  /** The room's name, or the other user of a direct room. */
  get name(): string | null {
    return this.#summary.name ?? this.#row.directUserId;
  }
  get topic(): string | null {
    return this.#summary.topic;
  }
  get membership(): RoomSummary['membership'] {
    return this.#summary.membership;
  }
  /** The room that an upgrade put in place of this one, into which nothing can be sent any more. */
  get replacement(): string | null {
    return this.#summary.replacement;
  }
  /** The user who invited us, while we are invited. */
  get inviter(): string | null {
    return this.#summary.inviter;
  }
  /** The other user, of a direct room. */
  get directUserId(): string | null {
    return this.#row.directUserId;
  }
  /** `direct` and `group` rooms can be read and written; `foreign` and `none` ones cannot be sent to. */
  get encryption(): RoomEncryption {
    return roomEncryption.kindOf(this.#row.encryption);
  }

  /** The members known so far, by user id: `join`, `invite`, `leave`, `ban` or `knock`. */
  members(): Map<string, string> {
    const rows = this.#context.store.all('members', { where: { roomId: this.id } });
    return new Map(rows.map(({ userId, membership }) => [userId, membership]));
  }

  /** The newest stored messages, oldest first, with those that could not be read. */
  timeline(limit: number = limits.clientTimelineEvents): Message[] {
    const { store } = this.#context;
    const newest: Message[] = [];
    let below = Number.MAX_SAFE_INTEGER;
    while (newest.length < limit) {
      const where = { roomId: this.id };
      const order = { orderBy: 'position', descending: true, below } as const;
      const rows = store.all('timeline', {
        where,
        ...order,
        limit: limits.clientHistoryPageEvents,
      });
      newest.push(...rows.filter(message.isMessage).map((row) => this.#shown(row)));
      const last = rows.at(-1);
      if (!last) break;
      below = last.position;
    }
    return newest.slice(0, limit).reverse();
  }

  #shown(row: Row<'timeline'>): Message {
    return message.ofRow(row, this.encryption !== 'none', this.#context.userId);
  }

  /** Fetches a page of history before what is stored; false when there is none. What the archive has of it is restored. */
  async loadEarlier(): Promise<boolean> {
    const { api, engine, archive } = this.#context;
    const isMore = await loadEarlier(api, engine, this.id, this.#summary.earlier);
    if (isMore) await archive.fillPage(this.id);
    return isMore;
  }

  /** Sends a text, encrypted. Resolves when the homeserver has it; survives a restart until then. */
  send(text: string): Promise<Message> {
    return this.sendEvent('m.room.message', { msgtype: 'm.text', body: text });
  }

  /** Sends any event, encrypted. */
  async sendEvent(type: string, content: JsonObject): Promise<Message> {
    return this.#shown(await this.#context.queue.add(this.id, type, content));
  }

  /** Encrypts, uploads and sends a file. */
  async sendFile(file: FileToSend): Promise<Message> {
    const { api, store } = this.#context;
    // Before the upload: a room that cannot be sent to.
    await audienceOf(api, store, this.id);
    return this.sendEvent('m.room.message', await attachedFile.upload(api, file));
  }

  /** The file of a message, decrypted into memory; rejects when it is not the one that was sent. */
  async download(
    { content }: Message,
    bytesMax: number = limits.mediaUploadBytesMax,
  ): Promise<Buffer> {
    const { ciphertext, file } = await attachedFile.download(this.#context.api, content);
    return decryptAttachment(ciphertext, file, bytesMax);
  }

  /** The same into a file, which appears only when it is whole. */
  async downloadTo(path: string, { content }: Message): Promise<void> {
    const { ciphertext, file } = await attachedFile.download(this.#context.api, content);
    await decryptAttachmentTo(path, ciphertext, file);
  }

  /** What could not be sent, with the reason. */
  unsent(): UnsentEvent[] {
    return this.#context.queue
      .failed(this.id)
      .map(({ txnId, type, content, error }) => ({ txnId, type, content, error: error ?? '' }));
  }

  async sendAgain(txnId: string): Promise<Message> {
    return this.#shown(await this.#context.queue.sendAgain(txnId));
  }

  /** Gives up an event that could not be sent. */
  discard(txnId: string): Promise<void> {
    return this.#context.queue.discard(txnId);
  }

  /** Takes away the content of a message, on every server and device that honours it. */
  async redact(eventId: string, reason?: string): Promise<void> {
    const params = { roomId: this.id, eventId, txnId: randomUUID() };
    const body = reason === undefined ? {} : { reason };
    await this.#context.api.call(clientServer.redactEvent, { params, body });
  }

  async invite(userId: string): Promise<void> {
    const params = { roomId: this.id };
    await this.#context.api.call(clientServer.inviteUser, { params, body: { user_id: userId } });
  }

  async kick(userId: string, reason?: string): Promise<void> {
    const body = { user_id: userId, ...(reason !== undefined && { reason }) };
    await this.#context.api.call(clientServer.kick, { params: { roomId: this.id }, body });
  }

  /** Accepts an invitation, or enters a room that is open. */
  async join(): Promise<void> {
    const via = this.#summary.inviter?.replace(/^[^:]*:/, '');
    const params = { roomIdOrAlias: this.id };
    const query = via === undefined ? {} : { via: [via] };
    const { api, store } = this.#context;
    await api.call(clientServer.joinRoom, { params, query, body: {} });
    store.transaction((tx) =>
      tx.put('rooms', roomSummary.with(roomSummary.rowOf(tx, this.id), { membership: 'join' })),
    );
  }

  /** Leaves the room, or refuses its invitation. */
  async leave(): Promise<void> {
    const params = { roomId: this.id };
    await this.#context.api.call(clientServer.leaveRoom, { params, body: {} });
  }

  /** Tells the others that everything up to this message was read; the receipt is public in the room. */
  async markRead(eventId: string): Promise<void> {
    const params = { roomId: this.id, receiptType: 'm.read' as const, eventId };
    await this.#context.api.call(clientServer.postReceipt, { params, body: {} });
  }

  async setTyping(typing: boolean): Promise<void> {
    const params = { roomId: this.id, userId: this.#context.userId };
    const body = { typing, timeout: limits.clientTypingMs };
    await this.#context.api.call(clientServer.setTyping, { params, body });
  }
}
