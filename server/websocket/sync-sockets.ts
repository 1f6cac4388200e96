import { closeCode, limits } from '@candor/spec';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Context } from '../context.ts';
import type { OpeningSocket } from '../http/create-upgrade.ts';
import { serveSyncSocket } from './sync-socket.ts';

const protocol = 'dev.candor.sync.v1';

/** The WebSockets of one process. */
export class SyncSockets {
  readonly #context: Context;
  readonly #server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: limits.socketFrameBytesMax,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has(protocol) ? protocol : false),
  });
  readonly #open = new Set<WebSocket>();
  readonly #perUser = new Map<string, number>();

  constructor(context: Context) {
    this.#context = context;
  }

  accept({ request, socket, head, session, authenticate }: OpeningSocket): void {
    this.#server.handleUpgrade(request, socket, head, (opened) => {
      const { userId } = session;
      const count = this.#perUser.get(userId) ?? 0;
      if (count >= limits.socketsPerUserMax) {
        opened.close(closeCode.tooMany, 'too many sockets of this user');
        return;
      }
      this.#perUser.set(userId, count + 1);
      this.#open.add(opened);
      opened.once('close', () => this.#forget(opened, userId));
      serveSyncSocket(this.#context, opened, session, authenticate);
    });
  }

  /** Tells every client to come back later. */
  drain(): void {
    for (const socket of this.#open) socket.close(closeCode.draining, 'the server is stopping');
  }

  #forget(socket: WebSocket, userId: string): void {
    this.#open.delete(socket);
    const count = (this.#perUser.get(userId) ?? 1) - 1;
    if (count > 0) this.#perUser.set(userId, count);
    else this.#perUser.delete(userId);
  }
}
