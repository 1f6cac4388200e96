import { clientServer } from '@candor/spec';
import { callOperation } from './call-operation.ts';
import type { Account } from './register-account.ts';

/** An event as the homeserver has it, which for encrypted rooms is ciphertext. */
export type ServerEvent = {
  readonly event_id: string;
  readonly type: string;
  readonly sender: string;
  readonly content: Readonly<Record<string, unknown>>;
};

/** Every message event that a homeserver has of a room, oldest first; without state. */
export const roomEvents = async (reader: Account, roomId: string): Promise<ServerEvent[]> => {
  const events: ServerEvent[] = [];
  let from: string | undefined;
  do {
    const query = { dir: 'f', limit: '100', ...(from !== undefined && { from }) };
    const page = await callOperation(reader, clientServer.getRoomEvents, {
      params: { roomId },
      query,
    });
    events.push(...(page.chunk as ServerEvent[]).filter((event) => !('state_key' in event)));
    from = page.end;
  } while (from !== undefined);
  return events;
};
