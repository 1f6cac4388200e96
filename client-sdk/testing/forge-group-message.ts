import { encodeBase64, type JsonObject } from '@candor/federation';
import { groupEncrypt, PrivateKey, SenderKeyRecord } from '@signalapp/libsignal-client';
import { addressOf, protocolAddress } from '../signal/address.ts';
import { type Envelope, plaintext } from '../signal/plaintext.ts';
import { signalNames } from '../signal/signal-names.ts';
import { openSqlcipherStore } from '../stores/sqlcipher-store.ts';
import { delimited, withValueAt } from './protocol-buffers.ts';

// In libsignal's `SenderKeyRecordStructure`: the pair of keys that signs.
const signingKey = [1, 3] as const;

/**
 * The content of a group message that a member makes up in the name of another, with all that a member has: the other's
 * chain key, from the store of the member's device, which no other program has open. Only the key that signs is the
 * member's own.
 */
export const forgeGroupMessage = async (
  store: { file: string; passphrase: string },
  envelope: Envelope & { readonly distribution_id: string },
): Promise<JsonObject> => {
  const { sender, sender_device: deviceId, distribution_id: distributionId } = envelope;
  const address = addressOf(sender, deviceId);
  const opened = openSqlcipherStore(store.file, store.passphrase);
  const held = opened.get('senderKeys', { address, distributionId });
  opened.close();
  if (!held) throw new Error('the member does not have this key');
  const own = PrivateKey.generate();
  const pair = Buffer.concat([
    delimited(1, own.getPublicKey().serialize()),
    delimited(2, own.serialize()),
  ]);
  const record = SenderKeyRecord.deserialize(withValueAt(held.record, signingKey, pair));
  const message = await groupEncrypt(
    protocolAddress(address),
    distributionId,
    { getSenderKey: async () => record, saveSenderKey: async () => undefined },
    plaintext.write(envelope),
  );
  return {
    algorithm: signalNames.group,
    sender_device: deviceId,
    distribution_id: distributionId,
    ciphertext: encodeBase64(message.serialize()),
  };
};
