import { isEventId } from '@candor/spec';
import type { RoomVersionRules } from '../room-versions/rules.ts';
import type { Json, Pdu, RoomEvent } from './room-event.ts';

const redactsOf = (pdu: Pdu, rules: RoomVersionRules): string | undefined => {
  if (pdu.type !== 'm.room.redaction') return undefined;
  const target: Json | undefined = (rules.redactsInContent ? pdu.content : pdu)['redacts'];
  // Anything else redacts nothing, and may be longer than an index takes.
  return typeof target === 'string' && isEventId(target) ? target : undefined;
};

/** The inner form of an event that was checked before, such as a stored one; checks and hashes nothing. */
export const eventFromPdu = (
  pdu: Pdu,
  eventId: string,
  roomId: string,
  rules: RoomVersionRules,
): RoomEvent => {
  const stateKey = pdu['state_key'];
  const redacts = redactsOf(pdu, rules);
  return {
    eventId,
    roomId,
    type: pdu.type,
    ...(typeof stateKey === 'string' && { stateKey }),
    sender: pdu.sender,
    content: pdu.content,
    originServerTs: pdu['origin_server_ts'] as number,
    depth: pdu['depth'] as number,
    prevEvents: pdu['prev_events'] as readonly string[],
    authEvents: pdu['auth_events'] as readonly string[],
    ...(redacts !== undefined && { redacts }),
    pdu,
  };
};
