import type { Proofs } from '../api/authenticate.ts';
import type { Courier } from '../send/courier.ts';
import type { SignalEngine } from '../signal/signal-engine.ts';

/** An identity exported from another device of the user, and its passphrase. */
export type SealedIdentity = { readonly sealed: string; readonly passphrase: string };

export type IdentityChoice = {
  readonly identity?: SealedIdentity;
  /** Begin anew after every device was lost: others are warned that the identity changed. */
  readonly resetIdentity?: boolean;
};

/**
 * Publishes this device's keys. A user without cross-signing keys gets them now; where there are
 * some already, the device stays unsigned until the identity is imported. Can be done again at any time.
 */
export const publishIdentity = async (
  engine: SignalEngine,
  courier: Courier,
  proofs: Proofs,
  { identity, resetIdentity = false }: IdentityChoice = {},
): Promise<boolean> => {
  await courier.followUp(proofs);
  const state = engine.ownIdentity();
  const isUnsigned = state === 'device-not-signed';
  if (state === 'none' || (isUnsigned && resetIdentity)) await engine.createCrossSigning();
  else if (isUnsigned && identity) {
    await engine.importCrossSigningSecret(identity.sealed, identity.passphrase);
  }
  await courier.followUp(proofs);
  return engine.ownIdentity() === 'device-signed';
};
