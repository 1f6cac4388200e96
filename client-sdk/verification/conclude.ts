import { clientServer } from '@candor/spec';
import type { HomeserverApi } from '../api/homeserver-api.ts';
import type { ReceiveOutcome } from '../signal/engine-receive.ts';
import type { SignalEngine } from '../signal/signal-engine.ts';
import type { Flow, Proof } from './flow.ts';
import { sides } from './sides.ts';

export type ConcludeContext = {
  readonly api: HomeserverApi;
  readonly engine: SignalEngine;
  readonly onOutcome: (outcome: ReceiveOutcome) => void;
};

/**
 * Writes down what a verification proved, and queues our signatures: over another user's master key,
 * or over an own device. False when a key is another by now.
 */
export const conclude = async (
  { api, engine, onOutcome }: ConcludeContext,
  { otherUserId, other }: Flow,
  { masterKey, device }: Proof,
): Promise<boolean> => {
  if (device && other) {
    const { userId, deviceId } = other;
    const answer = await api.call(clientServer.queryKeys, {
      body: { device_keys: { [userId]: [deviceId] } },
    });
    const deviceKeys = sides.deviceKeysIn(answer, other);
    if (!deviceKeys) return false;
    await engine.signOwnDevice(deviceId, deviceKeys);
  }
  if (masterKey === undefined) return true;
  const outcome = await engine.verify(otherUserId, masterKey);
  if (outcome) onOutcome(outcome);
  return outcome !== undefined;
};
