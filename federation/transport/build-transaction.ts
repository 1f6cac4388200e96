import { createHash } from 'node:crypto';
import type { JsonObject } from '../events/room-event.ts';

export type PendingPdu = {
  /** Names the event here; grows in the order of sending. */
  readonly position: number;
  readonly pdu: JsonObject;
};

/** A stored EDU: to-device messages, device list updates, receipts. */
export type PendingEdu = { readonly eduId: number; readonly edu: JsonObject };

export type Transaction = {
  readonly txnId: string;
  readonly content: JsonObject;
  readonly positions: readonly number[];
  readonly eduIds: readonly number[];
};

export type TransactionParts = {
  readonly origin: string;
  readonly now: number;
  readonly pdus: readonly PendingPdu[];
  readonly edus: readonly PendingEdu[];
  readonly ephemerals: readonly JsonObject[];
  /** Sent with nothing in it, to see whether the peer takes anything at all. */
  readonly isProbe?: boolean;
};

/**
 * Names a transaction by what is in it, so that the same rows read again after a crash make the same id,
 * and another content never does. Ephemeral EDUs and probes may truly repeat; the time sets those apart.
 */
const txnIdOf = ({ pdus, edus, ephemerals, isProbe, now }: TransactionParts): string =>
  createHash('sha256')
    .update(JSON.stringify([pdus, edus, ephemerals, ephemerals.length > 0 || isProbe ? now : 0]))
    .digest('base64url');

/** Undefined when there is nothing to send. */
// https://spec.matrix.org/v1.19/server-server-api/#transactions
export const buildTransaction = (parts: TransactionParts): Transaction | undefined => {
  const { pdus, edus, ephemerals } = parts;
  if (pdus.length + edus.length + ephemerals.length === 0 && !parts.isProbe) return undefined;
  return {
    txnId: txnIdOf(parts),
    content: {
      origin: parts.origin,
      origin_server_ts: parts.now,
      pdus: pdus.map(({ pdu }) => pdu),
      edus: [...edus.map(({ edu }) => edu), ...ephemerals],
    },
    positions: pdus.map(({ position }) => position),
    eduIds: edus.map(({ eduId }) => eduId),
  };
};
