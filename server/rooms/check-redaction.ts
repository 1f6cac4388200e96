import { MatrixError } from '@candor/spec';
import type { StepContext } from './place-event.ts';
import type { Room } from './room.ts';

/** State that must not lose its content: the room would change under everyone's feet. */
const keptTypes: ReadonlySet<string> = new Set([
  'm.room.create',
  'm.room.encryption',
  'm.room.server_acl',
]);

/** Whether a user of ours may redact the event. Throws M_NOT_FOUND, M_FORBIDDEN. */
// https://spec.matrix.org/v1.19/client-server-api/#redactions
export const checkRedaction = async (
  { rooms }: StepContext,
  room: Room,
  { sender }: { readonly sender: string },
  redacts: string,
): Promise<void> => {
  const target = await rooms.events.loadOne(redacts);
  if (!target || target.roomNid !== room.roomNid || target.rejectedFor !== null) {
    throw new MatrixError('M_NOT_FOUND', 'the event to redact is not in the room');
  }
  if (keptTypes.has(target.event.type)) {
    throw new MatrixError('M_FORBIDDEN', `${target.event.type} events cannot be redacted`);
  }
  // The rules let any user redact events of their own server; ours lets its users redact their own.
  if (target.event.sender === sender) return;
  if (room.levels.ofUser(sender) < room.levels.toRedact) {
    throw new MatrixError('M_FORBIDDEN', 'the sender may not redact events of others');
  }
};
