import type { JsonObject } from '../../events/room-event.ts';
import { createSender, type Sender } from '../destination-queue.ts';
import type { DestinationStore } from '../destination-store.ts';
import type { PeerClient, PeerRequest } from '../peer-client.ts';
import { PeerError } from '../peer-error.ts';
import { createFakeClock } from './fake-clock.ts';
import { createMemoryDestinationStore } from './memory-destination-store.ts';

type Sent = {
  readonly destination: string;
  readonly txnId: string;
  readonly pdus: readonly JsonObject[];
  readonly edus: readonly JsonObject[];
};

export const down = () => {
  throw new PeerError('unreachable', 'down');
};

/** The `n` of each item, as the store in memory numbers them. */
export const numbers = (items: readonly JsonObject[]) => items.map(({ n }) => Number(n));

export type Answer = (sent: Sent) => Promise<void> | void;

const readSent = ({ destination, path, content = {} }: PeerRequest): Sent => ({
  destination,
  txnId: path.replace('/_matrix/federation/v1/send/', ''),
  pdus: content['pdus'] as readonly JsonObject[],
  edus: content['edus'] as readonly JsonObject[],
});

/** A sender over a store in memory, and a network of which `answer` decides. */
export const setUpSender = (start: number, answer: Answer = () => undefined) => {
  const clock = createFakeClock(start);
  const memory = createMemoryDestinationStore();
  const sent: Sent[] = [];
  const net = { answer, underWay: 0, underWayMax: 0 };
  /** Breaches of the protocol that a peer has seen. */
  const violations: string[] = [];
  const client: Pick<PeerClient, 'request'> = {
    request: async (request) => {
      const transaction = readSent(request);
      sent.push(transaction);
      net.underWay += 1;
      net.underWayMax = Math.max(net.underWayMax, net.underWay);
      try {
        await net.answer(transaction);
      } finally {
        net.underWay -= 1;
      }
      return { status: 200, body: { pdus: {} } };
    },
  };
  const makeSender = (store: DestinationStore = memory.store, random = () => 0.5): Sender =>
    createSender({
      serverName: 'us.test',
      store,
      client,
      now: clock.now,
      random,
      setTimer: clock.setTimer,
    });
  return { ...memory, clock, sent, net, violations, makeSender, sender: makeSender() };
};
