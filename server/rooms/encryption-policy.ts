import { MatrixError } from '@candor/spec';
import type { Room } from './room.ts';

/** The message events that Matrix sends in clear in encrypted rooms; everything else belongs into `m.room.encrypted`. */
// https://spec.matrix.org/v1.19/client-server-api/#sending-encrypted-attachments
// Redactions have to be read by servers, and relations of reactions are aggregated by them:
// https://spec.matrix.org/v1.19/client-server-api/#event-annotations-and-reactions
const clearTypes: ReadonlySet<string> = new Set([
  'm.room.encrypted',
  'm.room.redaction',
  'm.reaction',
]);

/** Whether a message event of this type shows its content in a room where that must not be. */
export const isPlaintextInEncryptedRoom = (
  room: Pick<Room, 'isEncrypted'>,
  event: { readonly type: string; readonly stateKey?: string },
): boolean => room.isEncrypted && event.stateKey === undefined && !clearTypes.has(event.type);

/** Refuses plaintext of our own users in encrypted rooms. Throws M_FORBIDDEN. */
export const refusePlaintext = (
  room: Room,
  event: { readonly type: string; readonly stateKey?: string },
): void => {
  if (!isPlaintextInEncryptedRoom(room, event)) return;
  throw new MatrixError(
    'M_FORBIDDEN',
    `the room is encrypted: ${event.type} may only be sent inside m.room.encrypted`,
  );
};
