import { clientServer } from '@candor/spec';
import type { HomeserverApi } from '../api/homeserver-api.ts';
import { CandorError, type CandorErrorCode } from '../candor-error.ts';
import { audienceOf } from '../rooms/audience.ts';
import type { EncryptStep } from '../signal/engine-send.ts';
import type { SignalEngine } from '../signal/signal-engine.ts';
import type { Store } from '../stores/store.ts';
import type { Row } from '../stores/tables.ts';
import type { Courier } from './courier.ts';
import { queuedEvent } from './queued-event.ts';

export type DeliveryContext = {
  readonly api: HomeserverApi;
  readonly engine: SignalEngine;
  readonly store: Store;
  readonly courier: Courier;
};

const roundsMax = 10;

const blocked = ({ reason, userIds }: Extract<EncryptStep, { status: 'blocked' }>): CandorError => {
  const text =
    reason === 'identity-changed'
      ? `the identity of ${userIds.join(', ')} changed: acknowledge or verify it`
      : 'this device is not signed by its user: import the identity';
  return new CandorError(reason, text, userIds);
};

/** A direct message that no device of the other user could ever read is not sent. */
const checkReached = (
  store: Store,
  [userId = '']: readonly string[],
  { txnId, withheld }: Extract<EncryptStep, { status: 'ready' }>,
): void => {
  const reached = store.get('sendQueue', { txnId })?.recipients ?? [];
  const devices = store.all('devices', { where: { userId } });
  if (devices.some(({ address }) => reached.includes(address))) return;
  store.transaction((tx) => queuedEvent.forgetEncryption(tx, txnId, 'queued', null));
  const refuse = (code: CandorErrorCode, text: string) => new CandorError(code, text, [userId]);
  // What a server that is away does not give now, it may give later.
  if (withheld.some((device) => device.userId === userId && device.reason === 'no-one-time-key')) {
    throw refuse('no-one-time-key', `no device of ${userId} can read this now`);
  }
  if (store.get('users', { userId })?.outdated) {
    throw refuse('devices-unknown', `the devices of ${userId} cannot be had now`);
  }
  throw refuse('no-devices', `no device of ${userId} can read this`);
};

/**
 * Encrypts a queued event to those who are in the room now and sends it, keys first. The
 * transaction id makes it safe to do again after any failure.
 */
export const deliverEvent = async (
  { api, engine, store, courier }: DeliveryContext,
  queued: Row<'sendQueue'>,
): Promise<void> => {
  const { txnId, roomId, type, content } = queued;
  for (let round = 0; round < roundsMax; round++) {
    const audience = await audienceOf(api, store, roomId);
    // Its echo may have come by now, from an attempt whose answer was lost.
    if (!store.get('sendQueue', { txnId })) return;
    const step = await engine.encryptRoomEvent({ txnId, roomId, type, content, ...audience });
    if (step.status === 'blocked') throw blocked(step);
    if (step.status === 'needs') {
      await courier.perform(step.requests);
      continue;
    }
    if (audience.direct) checkReached(store, audience.members, step);
    await courier.perform(step.toDevice);
    const params = { roomId, eventType: step.type, txnId };
    const sent = await api.call(clientServer.sendMessage, { params, body: step.content });
    await engine.markSent(txnId, sent.event_id);
    return;
  }
  throw new CandorError('malformed-answer', 'the keys of the readers cannot be had');
};
