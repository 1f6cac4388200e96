import { clientServer } from '@candor/spec';
import { callOperation } from '../../call-operation.ts';
import { isSignedBy } from '../../canonical.ts';
import { withPeople } from '../../cast.ts';
import { check, demand } from '../../check.ts';
import { match } from '../../match.ts';

type Keys = { readonly keys: Readonly<Record<string, string>> };

/** Id and key of the only key of a cross-signing object. */
const onlyKey = ({ keys }: Keys): readonly [id: string, key: string] => {
  const [entry, more] = Object.entries(keys);
  if (!entry || more) throw new Error(`not one key but ${Object.keys(keys)}`);
  return entry;
};

const bytesOf = (base64: string | undefined): number => Buffer.from(base64 ?? '', 'base64').length;

export const identity = check({
  id: 'identity',
  run: ({ subject, step }) =>
    withPeople(subject, ['alice', 'bob'], async ([alice, bob]) => {
      const { userId } = bob;
      const answer = await callOperation(alice.account, clientServer.queryKeys, {
        body: { device_keys: { [userId]: [] } },
      });
      const devices = Object.values(answer.device_keys?.[userId] ?? {});
      const device = devices.find((one) => one.device_id === bob.client.deviceId);
      const master = answer.master_keys?.[userId] as Keys | undefined;
      const selfSigning = answer.self_signing_keys?.[userId] as Keys | undefined;
      if (!device || !master || !selfSigning)
        throw new Error(`the keys of ${userId} are not all there`);
      const ownKeyId = `ed25519:${device.device_id}`;
      const ownKey = device.keys[ownKeyId] ?? '';
      const signalName = `dev.candor.signal.identity:${device.device_id}`;
      const [masterId, masterKey] = onlyKey(master);
      const [selfSigningId, selfSigningKey] = onlyKey(selfSigning);

      await step('each device has an Ed25519 key and signs its keys with it', async () => {
        demand(match(bytesOf(ownKey), 32, 'its length'));
        if (!isSignedBy(device, userId, ownKeyId, ownKey))
          throw new Error('the device did not sign');
        return `${ownKeyId} ${ownKey}`;
      });

      await step('each user has Ed25519 cross-signing keys that sign each other', async () => {
        for (const key of [masterKey, selfSigningKey])
          demand(match(bytesOf(key), 32, 'its length'));
        if (!isSignedBy(selfSigning, userId, masterId, masterKey))
          throw new Error('the master key did not sign the self-signing key');
        if (!isSignedBy(device, userId, selfSigningId, selfSigningKey))
          throw new Error('the self-signing key did not sign the device');
        return `${masterId} signs ${selfSigningId} signs ${device.device_id}`;
      });

      await step('the Signal identity key is part of what is signed', async () => {
        demand(match(bytesOf(device.keys[signalName]), 33, 'its length'));
        const exchanged = { ...device, keys: { ...device.keys, [signalName]: 'A'.repeat(44) } };
        if (isSignedBy(exchanged, userId, selfSigningId, selfSigningKey))
          throw new Error('another key in its place would not be seen');
        return `${signalName}, and no other in its place`;
      });
    }),
});
