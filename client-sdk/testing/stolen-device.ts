import type { JsonObject } from '@candor/federation';
import { SignalEngine } from '../signal/signal-engine.ts';
import { openSqlcipherStore } from '../stores/sqlcipher-store.ts';

type EncryptedEvent = {
  readonly event_id: string;
  readonly sender: string;
  readonly type: string;
  readonly content: Readonly<Record<string, unknown>>;
};

/** Somebody with a copy of a device's store, who sees every event that the homeserver has. */
export type StolenDevice = {
  /** Tries to read an event, and takes along what can be learnt from it; undefined when it cannot be read. */
  reads(roomId: string, event: EncryptedEvent): Promise<string | undefined>;
  close(): Promise<void>;
};

/** Opens a copy of a store of which nothing but this function knows; it asks no server for anything. */
export const openStolenDevice = (copy: { file: string; passphrase: string }): StolenDevice => {
  const store = openSqlcipherStore(copy.file, copy.passphrase);
  const [account] = store.all('account');
  if (!account) throw new Error('the store has no account');
  const engine = new SignalEngine({ store, ...account });
  return {
    reads: async (roomId, event) => {
      const content = event.content as JsonObject;
      const seen = { ...event, content, origin_server_ts: 0 };
      const { events } = await engine.receive({ rooms: [{ roomId, events: [seen] }] });
      const body = events[0]?.state === 'decrypted' ? events[0].content?.['body'] : undefined;
      return typeof body === 'string' ? body : undefined;
    },
    close: async () => {
      await engine.close();
      store.close();
    },
  };
};
