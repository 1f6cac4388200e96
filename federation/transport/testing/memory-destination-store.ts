import type { PendingEdu, PendingPdu } from '../build-transaction.ts';
import type { Backoff, DestinationStore } from '../destination-store.ts';

type Outbox = {
  pdus: PendingPdu[];
  edus: PendingEdu[];
  confirmed: number[];
  /** PDUs that later ones of their rooms stand for. */
  superseded: number[];
  confirmedEdus: number[];
};

const supersede = (box: Outbox): void => {
  const latest = new Map(box.pdus.map((row) => [row.pdu['room_id'], row]));
  const isLatest = (row: PendingPdu) => latest.get(row.pdu['room_id']) === row;
  box.superseded.push(...box.pdus.filter((row) => !isLatest(row)).map(({ position }) => position));
  box.pdus = box.pdus.filter(isLatest);
};

/** Work for other servers in memory; it outlives a sender as a database would. */
export const createMemoryDestinationStore = () => {
  const boxes = new Map<string, Outbox>();
  const backoffs = new Map<string, Backoff>();
  let position = 0;
  const boxOf = (destination: string): Outbox => {
    const box = boxes.get(destination) ?? {
      pdus: [],
      edus: [],
      confirmed: [],
      superseded: [],
      confirmedEdus: [],
    };
    boxes.set(destination, box);
    return box;
  };
  const store: DestinationStore = {
    pendingPdus: async (destination, limit) => boxOf(destination).pdus.slice(0, limit),
    latestPdus: async (destination, limit) => {
      const latest = new Map(boxOf(destination).pdus.map((row) => [row.pdu['room_id'], row]));
      return [...latest.values()].sort((a, b) => a.position - b.position).slice(0, limit);
    },
    pendingEdus: async (destination, limit) => boxOf(destination).edus.slice(0, limit),
    confirmed: async (destination, positions, eduIds) => {
      const box = boxOf(destination);
      const last = new Map<unknown, number>();
      for (const { position, pdu } of box.pdus) {
        if (positions.includes(position)) last.set(pdu['room_id'], position);
      }
      const isDone = ({ position, pdu }: PendingPdu) => position <= (last.get(pdu['room_id']) ?? 0);
      box.confirmed.push(...box.pdus.filter(isDone).map(({ position }) => position));
      box.confirmedEdus.push(...eduIds);
      box.pdus = box.pdus.filter((row) => !isDone(row));
      box.edus = box.edus.filter((row) => !eduIds.includes(row.eduId));
    },
    forgetSuperseded: async (destination) => {
      supersede(boxOf(destination));
    },
    forgetEdus: async (destination) => {
      boxOf(destination).edus = [];
    },
    backoff: async (destination) => backoffs.get(destination),
    saveBackoff: async (destination, backoff) => {
      if (backoff === undefined) backoffs.delete(destination);
      else backoffs.set(destination, backoff);
    },
    destinationsWithWork: async () =>
      [...boxes]
        .filter(([, { pdus, edus }]) => pdus.length + edus.length > 0)
        .map(([name]) => name),
  };
  return {
    store,
    backoffs,
    boxOf,
    addPdus: (destination: string, count: number, room = '!r'): void => {
      for (let i = 0; i < count; i += 1) {
        position += 1;
        boxOf(destination).pdus.push({ position, pdu: { room_id: room, n: position } });
      }
    },
    addEdus: (destination: string, count: number): void => {
      for (let i = 0; i < count; i += 1) {
        position += 1;
        const edu = { edu_type: 'm.direct_to_device', content: { n: position } };
        boxOf(destination).edus.push({ eduId: position, edu });
      }
    },
  };
};
