import { setImmediate } from 'node:timers/promises';
import {
  type ReadEvent,
  type RoomEvent,
  type RoomVersionRules,
  readEvent,
  requiredSignatures,
} from '@candor/federation';
import { verifyEventSignatures } from '@candor/federation/transport';
import { limits } from '@candor/spec';
import type { RemoteContext } from './remote-context.ts';

export type IncomingEvent =
  | { readonly ok: true; readonly event: RoomEvent }
  | { readonly ok: false; readonly eventId?: string; readonly reason: string };

/** Lets others have their turn between parts of a large answer. */
const readAll = async (
  pdus: readonly unknown[],
  rules: RoomVersionRules,
  roomId: string,
): Promise<readonly ReadEvent[]> => {
  const events: ReadEvent[] = [];
  for (const pdu of pdus) {
    if (events.length % limits.eventsPerTurnMax === limits.eventsPerTurnMax - 1) {
      await setImmediate();
    }
    events.push(readEvent(pdu, rules, roomId));
  }
  return events;
};

/**
 * The first three checks, the same for whatever way an event came: format and sizes, signatures, content hash
 * (redacted when it does not match). An outcome for each PDU, in order.
 */
// https://spec.matrix.org/v1.19/server-server-api/#checks-performed-on-receipt-of-a-pdu
export const checkIncoming = async (
  { federation }: Pick<RemoteContext, 'federation'>,
  pdus: readonly unknown[],
  rules: RoomVersionRules,
  roomId: string,
): Promise<readonly IncomingEvent[]> => {
  const read = await readAll(pdus, rules, roomId);
  const signed = read.map((one) => {
    const required = one.ok ? requiredSignatures(one.event, rules) : undefined;
    const fault = required?.ok === false ? `no signature of ${required.missing}` : undefined;
    return {
      fault,
      signedBytes: one.ok ? one.signedBytes : Buffer.alloc(0),
      required: required?.ok ? required.signatures : [],
      originServerTs: one.ok ? one.event.originServerTs : 0,
      enforceKeyValidity: true,
    };
  });
  const verdicts = await verifyEventSignatures(signed, federation.keyRing);
  return read.map((one, index) => {
    if (!one.ok) return one;
    const { event } = one;
    const verdict = verdicts[index];
    const fault = signed[index]?.fault;
    if (verdict?.allowed && fault === undefined) return { ok: true, event };
    const reason = fault ?? (verdict && !verdict.allowed ? verdict.reason : 'not verified');
    return { ok: false, eventId: event.eventId, reason };
  });
};
