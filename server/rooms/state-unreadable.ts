/** Part of the state that decides about an event cannot be read: without it more could be allowed than is. */
export class StateUnreadable extends Error {
  override readonly name = 'StateUnreadable';

  constructor(roomId: string) {
    super(`state of ${roomId} cannot be read`);
  }
}
