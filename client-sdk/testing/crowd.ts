import {
  KEMKeyPair,
  KyberPreKeyRecord,
  PreKeyRecord,
  PrivateKey,
  SignedPreKeyRecord,
} from '@signalapp/libsignal-client';
import { makeBundle } from '../signal/bundle.ts';
import { crossSigning } from '../signal/cross-signing.ts';
import {
  type DeviceIdentity,
  loadDeviceIdentity,
  signedDeviceKeys,
} from '../signal/device-identity.ts';
import { openMemoryStore } from '../stores/memory-store.ts';
import type { PostOffice } from './post-office.ts';

/** One claimable object of a device that nobody will ever ask to read anything. */
const oneBundle = (identity: DeviceIdentity) => {
  const sign = (key: { serialize(): Uint8Array<ArrayBuffer> }) =>
    identity.signalIdentity.privateKey.sign(key.serialize());
  const [signed, oneTime, pair] = [
    PrivateKey.generate(),
    PrivateKey.generate(),
    KEMKeyPair.generate(),
  ];
  const [signedPublic, kyberPublic] = [signed.getPublicKey(), pair.getPublicKey()];
  return makeBundle(identity, {
    signedPreKey: SignedPreKeyRecord.new(1, 0, signedPublic, signed, sign(signedPublic)),
    kyberPreKey: KyberPreKeyRecord.new(1, 0, pair, sign(kyberPublic)),
    oneTimePreKey: PreKeyRecord.new(1, oneTime.getPublicKey(), oneTime),
  });
};

/** Publishes the keys of so many users with one device each, who can be written to; gives their user ids. */
export const crowd = (office: PostOffice, size: number): string[] =>
  Array.from({ length: size }, (_, index) => {
    const userId = `@member${index}:crowd.example`;
    const identity = loadDeviceIdentity(
      openMemoryStore().transaction((tx) => tx),
      userId,
      'PHONE',
    );
    const secrets = crossSigning.create(userId);
    const answer = office.answer.bind(office, userId, 'PHONE');
    const deviceKeys = signedDeviceKeys(identity);
    answer({
      operation: 'uploadKeys',
      body: {
        device_keys: deviceKeys,
        one_time_keys: { 'dev.candor.signal.bundle:1': oneBundle(identity) },
      },
    });
    answer({
      operation: 'uploadCrossSigningKeys',
      body: crossSigning.keysUpload(secrets, identity.deviceKey),
    });
    answer({
      operation: 'uploadCrossSigningSignatures',
      body: crossSigning.deviceSignature(secrets, 'PHONE', deviceKeys),
    });
    return userId;
  });
