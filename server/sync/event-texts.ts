import type { Json, JsonObject } from '@candor/federation';
import type { Context } from '../context.ts';
import { showEvents } from '../rooms/show-events.ts';
import type { StoredEvent } from '../storage/stored-event.ts';

/** JSON of an event up to the parts of `unsigned` that differ from reader to reader; what is stored of an event never changes, so it is made once. */
const heads = new WeakMap<StoredEvent, string>();

const nobody = { userId: '' };

const headOf = (shown: JsonObject): string => {
  const { unsigned, ...fields } = shown;
  const { age: _age, ...rest } = (unsigned ?? {}) as Readonly<Record<string, Json>>;
  const known = JSON.stringify(rest).slice(1, -1);
  return `${JSON.stringify(fields).slice(0, -1)},"unsigned":{${known === '' ? '' : `${known},`}`;
};

const readHeads = async (context: Context, events: readonly StoredEvent[]): Promise<void> => {
  const missing = events.filter((stored) => !heads.has(stored));
  if (missing.length === 0) return;
  const shown = await showEvents(
    context,
    nobody,
    missing.map((stored) => ({ stored })),
    { omitRoomId: true },
  );
  for (const [index, stored] of missing.entries()) heads.set(stored, headOf(shown[index] ?? {}));
};

export type EventToWrite = {
  readonly stored: StoredEvent;
  /** What the reader was in the room at the event, where that is known. */
  readonly membership?: string;
};

/** JSON texts of events for one session, in their order, as `/sync` gives them: without the room's id. */
export const writeEvents = async (
  context: Context,
  session: { readonly userId: string; readonly deviceId: string },
  events: readonly EventToWrite[],
): Promise<string[]> => {
  await readHeads(
    context,
    events.map(({ stored }) => stored),
  );
  const hasOwn = events.some(({ stored }) => stored.event.sender === session.userId);
  const txnIdOf = hasOwn ? await context.rooms.sentTransactions.txnIdsOf(session) : undefined;
  const nowMs = context.now();
  return events.map(({ stored, membership }) => {
    const { event } = stored;
    const age = Math.max(0, nowMs - event.originServerTs);
    let text = `${heads.get(stored) ?? ''}"age":${age}`;
    if (membership !== undefined) text += `,"membership":${JSON.stringify(membership)}`;
    const txnId = event.sender === session.userId ? txnIdOf?.(event.eventId) : undefined;
    if (txnId !== undefined) text += `,"transaction_id":${JSON.stringify(txnId)}`;
    return `${text}}}`;
  });
};
