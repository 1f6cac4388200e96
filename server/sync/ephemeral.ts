import type { Receipt } from '../notifier.ts';
import { passesFilter } from '../rooms/event-filter.ts';
import { roomFilterOf, type SyncScope } from './sync-scope.ts';

const grouped = (
  receipts: readonly Receipt[],
  keyOf: (receipt: Receipt) => string,
  write: (group: readonly Receipt[]) => object,
): object =>
  Object.fromEntries([...Map.groupBy(receipts, keyOf)].map(([key, group]) => [key, write(group)]));

/** One event for the room and one for each thread, as the specification asks. */
// https://spec.matrix.org/v1.19/client-server-api/#server-behaviour-5
const receiptEvents = (receipts: readonly Receipt[]): object[] =>
  [...Map.groupBy(receipts, ({ threadId }) => threadId)].map(([threadId, ofThread]) => {
    const shown = ({ at }: Receipt) => ({
      ts: at,
      ...(threadId !== undefined && { thread_id: threadId }),
    });
    const content = grouped(
      ofThread,
      ({ eventId }) => eventId,
      (ofEvent) =>
        grouped(
          ofEvent,
          ({ type }) => type,
          (ofType) => Object.fromEntries(ofType.map((receipt) => [receipt.userId, shown(receipt)])),
        ),
    );
    return { type: 'm.receipt', content };
  });

/** A user has one receipt of a kind in a thread: the last one stands. */
const lastReceipts = (receipts: readonly Receipt[]): readonly Receipt[] => {
  if (receipts.length < 2) return receipts;
  const last = new Map<string, Receipt>();
  for (const receipt of receipts) {
    last.set(JSON.stringify([receipt.userId, receipt.type, receipt.threadId]), receipt);
  }
  return [...last.values()];
};

/** JSON texts of the receipts and typing notifications of a room. */
export const writeEphemeral = (
  { request, ignored }: SyncScope,
  roomId: string,
  receipts: readonly Receipt[],
  typing: readonly string[] | undefined,
): string[] => {
  const filter = roomFilterOf(request, 'ephemeral');
  const isWanted = (type: string) =>
    passesFilter(filter, { type, sender: '', roomId, content: {} });
  const events: object[] = [];
  if (typing && isWanted('m.typing')) {
    const users = typing.filter((userId) => !ignored.has(userId));
    events.push({ type: 'm.typing', content: { user_ids: users } });
  }
  if (receipts.length > 0 && isWanted('m.receipt')) {
    const shown = lastReceipts(receipts).filter(
      ({ userId, type }) =>
        userId === request.userId || (type !== 'm.read.private' && !ignored.has(userId)),
    );
    events.push(...receiptEvents(shown));
  }
  return events.slice(0, filter.limit).map((event) => JSON.stringify(event));
};
