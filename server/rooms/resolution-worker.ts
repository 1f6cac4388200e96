import { parentPort } from 'node:worker_threads';
import {
  eventFromPdu,
  type Pdu,
  type RoomEvent,
  resolveState,
  roomVersionRules,
  type StateKey,
} from '@candor/federation';
import type { ResolutionAnswer, ResolutionPart } from './resolution-thread.ts';

// The thread that resolves large forks. What it is asked comes in parts: events as they are read, then the sets.

const events = new Map<string, RoomEvent>();

type NamedPdu = readonly [eventId: string, pdu: Pdu];
type Entries = readonly (readonly [key: StateKey, eventId: string])[];

const answer = (part: Extract<ResolutionPart, { kind: 'sets' }>): ResolutionAnswer => {
  const rules = roomVersionRules(part.version);
  if (!rules) return { fault: `room version ${part.version} is not known` };
  try {
    const sets = (JSON.parse(part.sets) as Entries[]).map((entries) => new Map(entries));
    const rejected = new Set(JSON.parse(part.rejected) as string[]);
    const resolved = resolveState(sets, events, rules, {
      isRejected: (eventId) => rejected.has(eventId),
      authDifference: new Set(JSON.parse(part.authDifference) as string[]),
    });
    return { resolved: JSON.stringify([...resolved]) };
  } catch (error) {
    return { fault: error instanceof Error ? error.message : String(error) };
  } finally {
    events.clear();
  }
};

parentPort?.on('message', (part: ResolutionPart) => {
  if (part.kind === 'sets') {
    parentPort?.postMessage(answer(part));
    return;
  }
  const rules = roomVersionRules(part.version);
  for (const [eventId, pdu] of JSON.parse(part.pdus) as NamedPdu[]) {
    if (rules) events.set(eventId, eventFromPdu(pdu, eventId, part.roomId, rules));
  }
});
