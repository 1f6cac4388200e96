import type { Json, JsonObject } from '@candor/federation';
import type { Context } from '../context.ts';
import { readRedactions } from '../rooms/read-redactions.ts';
import { showEvents } from '../rooms/show-events.ts';
import type { StoredEvent } from '../storage/stored-event.ts';

/** JSON of events up to the parts of `unsigned` that differ from reader to reader. */
type Heads = WeakMap<StoredEvent, string>;

/** What is stored of an event never changes, so each is made once; state lists do without what stood before. */
const timelineHeads: Heads = new WeakMap();
const stateHeads: Heads = new WeakMap();

const nobody = { userId: '' };

const headOf = (shown: JsonObject): string => {
  const { unsigned, ...fields } = shown;
  const { age: _age, ...rest } = (unsigned ?? {}) as Readonly<Record<string, Json>>;
  const known = JSON.stringify(rest).slice(1, -1);
  return `${JSON.stringify(fields).slice(0, -1)},"unsigned":{${known === '' ? '' : `${known},`}`;
};

const readHeads = async (
  context: Context,
  heads: Heads,
  events: readonly EventToWrite[],
): Promise<void> => {
  const missing = events.filter(({ stored }) => !heads.has(stored));
  if (missing.length === 0) return;
  const bare = missing.map(({ stored }) => ({ stored }));
  const options = {
    omitRoomId: true,
    omitReplaced: heads === stateHeads,
    omitRedaction: true,
  };
  const shown = await showEvents(context, nobody, bare, options);
  for (const [index, { stored }] of missing.entries()) {
    heads.set(stored, headOf(shown[index] ?? {}));
  }
};

export type EventToWrite = {
  readonly stored: StoredEvent;
  /** What the reader was in the room at the event, where that is known. */
  readonly membership?: string;
  /** What goes under `m.relations`. */
  readonly relations?: JsonObject | undefined;
};

/** JSON texts of events of a state list or of a timeline for one session, in their order, as `/sync` gives them: without the room's id. */
export const writeEvents = async (
  context: Context,
  session: { readonly userId: string; readonly deviceId: string },
  list: 'state' | 'timeline',
  events: readonly EventToWrite[],
): Promise<string[]> => {
  const heads = list === 'state' ? stateHeads : timelineHeads;
  await readHeads(context, heads, events);
  const hasOwn = events.some(({ stored }) => stored.event.sender === session.userId);
  const txnIdOf = hasOwn ? await context.rooms.sentTransactions.txnIdsOf(session) : undefined;
  const stored = events.map((one) => one.stored);
  const redactionOf = await readRedactions(context, session.userId, stored);
  const nowMs = context.now();
  return events.map(({ stored, membership, relations }) => {
    const { event } = stored;
    const age = Math.max(0, nowMs - event.originServerTs);
    let text = `${heads.get(stored) ?? ''}"age":${age}`;
    if (membership !== undefined) text += `,"membership":${JSON.stringify(membership)}`;
    const txnId = event.sender === session.userId ? txnIdOf?.(event.eventId) : undefined;
    if (txnId !== undefined) text += `,"transaction_id":${JSON.stringify(txnId)}`;
    const redaction = redactionOf(stored);
    if (redaction) text += `,"redacted_because":${JSON.stringify(redaction)}`;
    if (relations) text += `,"m.relations":${JSON.stringify(relations)}`;
    return `${text}}}`;
  });
};
