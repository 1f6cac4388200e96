import { clientServer, type Operation } from '@candor/spec';
import { CandorError } from '../candor-error.ts';
import { memberOf } from '../signal/member-of.ts';
import type { TableReader } from '../stores/store.ts';

/** What Matrix has in clear in encrypted rooms: servers have to read redactions, and they add up reactions. */
const clearTypes: ReadonlySet<unknown> = new Set([
  'm.room.encrypted',
  'm.room.redaction',
  'm.reaction',
]);

/** Rejects a request that would show servers what belongs into an encrypted event. */
export const refuseClear = (tables: TableReader, operation: Operation, parts: object): void => {
  if (operation.id !== clientServer.sendMessage.id) return;
  const params = memberOf(parts, 'params');
  const [roomId, eventType] = [memberOf(params, 'roomId'), memberOf(params, 'eventType')];
  const room = tables.get('rooms', { roomId: String(roomId) });
  if (!room || room.encryption === null || clearTypes.has(eventType)) return;
  const text = `${roomId} is encrypted: send ${eventType} with the room's sendEvent`;
  throw new CandorError('must-be-encrypted', text);
};
