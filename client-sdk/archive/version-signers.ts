import { type SigningKey, signingKeyFromSeed } from '@candor/federation';
import { crossSigning } from '../signal/cross-signing.ts';
import type { TableReader } from '../stores/store.ts';

/** The keys of this device that sign an archive: its own, and the user's master key if it is here. */
export const versionSigners = (tables: TableReader, userId: string): SigningKey[] => {
  const device = tables.get('deviceIdentity', { userId });
  const secrets = tables.get('crossSigningSecrets', { userId });
  return [
    ...(device ? [signingKeyFromSeed(device.deviceId, device.deviceKeySeed)] : []),
    ...(secrets
      ? [signingKeyFromSeed(crossSigning.publicKeys(secrets).master, secrets.master)]
      : []),
  ];
};
