import { setImmediate } from 'node:timers/promises';
import {
  type ReadEvent,
  type RoomEvent,
  type RoomVersionRules,
  readEvent,
  requiredSignatures,
  type Verdict,
} from '@candor/federation';
import {
  createSlots,
  type EventSignatures,
  type KeyRequest,
  verifyEventSignatures,
} from '@candor/federation/transport';
import { limits } from '@candor/spec';
import type { RemoteContext } from './remote-context.ts';

export type IncomingEvent =
  | { readonly ok: true; readonly event: RoomEvent }
  | {
      readonly ok: false;
      readonly eventId?: string;
      readonly reason: string;
      /** Nobody could be asked for the key: the signature may be right. */
      readonly isKeyMissing?: boolean;
    };

type Checked = {
  readonly read: ReadEvent;
  /** What is wrong before any signature is verified. */
  readonly fault: string | undefined;
  readonly signatures: EventSignatures;
};

const readOne = (pdu: unknown, rules: RoomVersionRules, roomId: string): Checked => {
  const read = readEvent(pdu, rules, roomId);
  const required = read.ok ? requiredSignatures(read.event, rules) : undefined;
  return {
    read,
    fault: required?.ok === false ? `no signature of ${required.missing}` : undefined,
    signatures: {
      signedBytes: read.ok ? read.signedBytes : Buffer.alloc(0),
      required: required?.ok ? required.signatures : [],
      originServerTs: read.ok ? read.event.originServerTs : 0,
      enforceKeyValidity: true,
    },
  };
};

/** Fetches the keys of all servers side by side, before the events are verified part by part. */
const fetchKeys = async (
  { federation }: Pick<RemoteContext, 'federation'>,
  events: readonly Checked[],
): Promise<void> => {
  const wanted = new Map<string, KeyRequest>();
  for (const { signatures } of events) {
    for (const { serverName, keyId } of signatures.required) {
      const name = `${serverName} ${keyId}`;
      const latest = Math.max(wanted.get(name)?.minimumValidUntil ?? 0, signatures.originServerTs);
      wanted.set(name, { serverName, keyId, minimumValidUntil: latest });
    }
  }
  await federation.keyRing.keysFor([...wanted.values()]);
};

/**
 * The first three checks, the same for whatever way an event came: format and sizes, signatures, content hash
 * (redacted when it does not match). An outcome for each PDU, in order. Others have their turn between parts.
 */
// https://spec.matrix.org/v1.19/server-server-api/#checks-performed-on-receipt-of-a-pdu
export const checkIncoming = async (
  context: Pick<RemoteContext, 'federation'>,
  pdus: readonly unknown[],
  rules: RoomVersionRules,
  roomId: string,
): Promise<readonly IncomingEvent[]> => {
  const size = limits.eventsPerTurnMax;
  const events: Checked[] = [];
  for (const pdu of pdus) {
    if (events.length % size === size - 1) await setImmediate();
    events.push(readOne(pdu, rules, roomId));
  }
  if (events.length > size) await fetchKeys(context, events);
  // Some parts at once, so that the threads that verify have the next when they are done with one.
  const inTurn = createSlots(limits.signaturePartsAtOnceMax);
  const parts = Array.from({ length: Math.ceil(events.length / size) }, (_, at) =>
    events.slice(at * size, (at + 1) * size),
  );
  const verify = async (part: readonly Checked[]): Promise<readonly IncomingEvent[]> => {
    const signatures = part.map((one) => one.signatures);
    const verdicts = await verifyEventSignatures(signatures, context.federation.keyRing);
    return part.map((one, index) => outcomeOf(one, verdicts[index]));
  };
  return (await Promise.all(parts.map((part) => inTurn(() => verify(part))))).flat();
};

const outcomeOf = ({ read, fault }: Checked, verdict: Verdict | undefined): IncomingEvent => {
  if (!read.ok) return read;
  const { event } = read;
  if (verdict?.allowed && fault === undefined) return { ok: true, event };
  const refusal = verdict?.allowed === false ? verdict : undefined;
  const reason = fault ?? refusal?.reason ?? 'not verified';
  const isKeyMissing = fault === undefined && refusal?.rule === 'no valid key';
  return { ok: false, eventId: event.eventId, reason, isKeyMissing };
};
