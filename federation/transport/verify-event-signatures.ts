import type { EventSignature } from '../events/event-signatures.ts';
import type { Verdict } from '../events/room-event.ts';
import type { KeyRequest } from './key-fetcher.ts';
import type { KeyRing } from './key-ring.ts';
import { verifySignature } from './verify-signature.ts';

export type EventSignatures = {
  readonly signedBytes: Uint8Array;
  /**
   * As `requiredSignatures` gives them; nothing is required of a third-party invite.
   * Each server named here must have a signature by a known key, and none by a known key may be wrong.
   */
  readonly required: readonly EventSignature[];
  readonly originServerTs: number;
  /** From room version 5 on the key must have been valid at `originServerTs`. */
  // https://spec.matrix.org/v1.19/rooms/v5/#signing-key-validity-period
  readonly enforceKeyValidity: boolean;
};

type Check = { readonly request: KeyRequest; readonly signature: string };

const checksOf = (event: EventSignatures): Check[] =>
  event.required.map(({ serverName, keyId, signature }) => {
    const minimumValidUntil = event.enforceKeyValidity ? event.originServerTs : 0;
    return { request: { serverName, keyId, minimumValidUntil }, signature };
  });

const refused = (rule: string, serverName: string): Verdict => ({
  allowed: false,
  rule,
  reason: `${rule} of ${serverName}`,
});

/** A verdict per event, in order. All keys are collected first; signatures are checked on the thread pool. */
export const verifyEventSignatures = async (
  events: readonly EventSignatures[],
  keyRing: Pick<KeyRing, 'keysFor'>,
): Promise<Verdict[]> => {
  const checks = events.map(checksOf);
  const keys = await keyRing.keysFor(checks.flat().map(({ request }) => request));

  const verdictOf = async (event: EventSignatures, own: readonly Check[]): Promise<Verdict> => {
    for (const [serverName, group] of Map.groupBy(own, ({ request }) => request.serverName)) {
      const usable = group.flatMap(({ request, signature }) => {
        const key = keys.get(request);
        return key === undefined ? [] : [{ key, signature }];
      });
      if (usable.length === 0) return refused('no valid key', serverName);
      const results = await Promise.all(
        usable.map(({ key, signature }) => verifySignature(event.signedBytes, signature, key)),
      );
      if (results.includes(false)) return refused('bad signature', serverName);
    }
    return { allowed: true };
  };
  return Promise.all(events.map((event, i) => verdictOf(event, checks[i] ?? [])));
};
