import { randomBytes } from 'node:crypto';
import type { JsonObject } from '@candor/federation';
import { limits } from '@candor/spec';
import type { Flow, Method, OwnSide, Side } from './flow.ts';
import { sas } from './sas.ts';

/** The methods of this SDK. An application without a camera leaves out the scanning. */
export const allMethods: readonly Method[] = [
  'm.sas.v1',
  'm.qr_code.show.v1',
  'm.qr_code.scan.v1',
  'm.reciprocate.v1',
];

/** What came to offer a verification: a request, or (deprecated) a start without one. */
export type Offer = {
  readonly id: string;
  readonly roomId: string | null;
  readonly fromDevice: string;
  readonly methods: readonly string[];
  /** Milliseconds since the epoch; what is not stamped is as old as its arrival. */
  readonly sentAt: number;
  readonly start?: JsonObject;
};

const qrSecretBytes = 16;

const fresh = () => ({
  ephemeral: sas.newKey(),
  qrSecret: new Uint8Array(randomBytes(qrSecretBytes)),
  seen: new Map<string, string>(),
});

/** The beginnings of verifications. */
export const newFlow = {
  /** One that we asked for, of these devices or in a room. */
  requested: (
    request: Pick<Flow, 'id' | 'roomId' | 'own' | 'otherUserId' | 'asked' | 'ownMethods'>,
    now: number,
  ): Flow => ({
    ...request,
    ...{ other: null, otherMethods: [], state: { at: 'requested' } },
    expiresAt: now + limits.verificationMsMax,
    ...fresh(),
  }),

  /** One that was offered to us. */
  offered: (
    { id, roomId, methods: otherMethods, sentAt, start }: Offer,
    own: OwnSide,
    other: Side,
    now: number,
  ): Flow => ({
    ...{ id, roomId, own, other, otherMethods },
    ...{ otherUserId: other.userId, asked: [], ownMethods: allMethods },
    state: { at: 'offered', ...(start && { start }) },
    expiresAt: Math.min(sentAt + limits.verificationMsMax, now + limits.verificationPromptMsMax),
    ...fresh(),
  }),

  /** Whether an offer is neither too old nor from the future; others are ignored. */
  // https://spec.matrix.org/v1.19/client-server-api/#mkeyverificationrequest
  isTimely: ({ sentAt }: Offer, now: number): boolean =>
    sentAt >= now - limits.verificationMsMax && sentAt <= now + limits.verificationFutureMsMax,
};
