import { timingSafeEqual } from 'node:crypto';
import { decodeBase64, encodeBase64, type JsonObject } from '@candor/federation';
import { type Flow, flows, type Proof, type Step } from './flow.ts';
import { type QrCode, qrCode } from './qr-code.ts';

/** The code this device shows; undefined while a key that belongs into it is not known. */
const ownCode = (flow: Flow): QrCode | undefined => {
  const { own, other, id, qrSecret: secret } = flow;
  if (!other || !flows.canShow(flow) || own.masterKey === null) return undefined;
  if (!flows.isOwnUser(flow)) {
    if (other.masterKey === null || !own.vouches) return undefined;
    const keys = { firstKey: own.masterKey, secondKey: other.masterKey };
    return { mode: 'other-user', id, ...keys, secret };
  }
  return own.vouches
    ? { mode: 'own-trusting', id, firstKey: own.masterKey, secondKey: other.deviceKey, secret }
    : { mode: 'own-not-trusting', id, firstKey: own.deviceKey, secondKey: own.masterKey, secret };
};

const deviceProof = ({ other }: Flow): Proof =>
  other ? { device: { deviceId: other.deviceId, deviceKey: other.deviceKey } } : {};

/** What their scan of our code proves: that its second key is right. */
const proofOfScanned = (flow: Flow, { mode, secondKey }: QrCode): Proof =>
  mode === 'own-trusting' ? deviceProof(flow) : { masterKey: secondKey };

/** What their code proves: that its first key is right, if they hold the second to be ours. */
const proofOfCode = (flow: Flow, { mode, firstKey, secondKey }: QrCode): Proof | undefined => {
  const { own, other } = flow;
  if (!other || own.masterKey === null) return undefined;
  if (!flows.isOwnUser(flow)) {
    const fits =
      mode === 'other-user' && firstKey === other.masterKey && secondKey === own.masterKey;
    return fits ? { masterKey: firstKey } : undefined;
  }
  if (mode === 'own-trusting') {
    const fits = firstKey === own.masterKey && secondKey === own.deviceKey;
    return fits ? { masterKey: firstKey } : undefined;
  }
  // Neither of two devices that do not trust the master key can tell the other anything about it.
  const fits = firstKey === other.deviceKey && secondKey === own.masterKey && own.vouches;
  return mode === 'own-not-trusting' && fits ? deviceProof(flow) : undefined;
};

/** Verification by a code that one device shows and the other scans. */
// https://spec.matrix.org/v1.19/client-server-api/#qr-codes
export const qrExchange = {
  /** The bytes to show now, if any. */
  shown: (flow: Flow): Uint8Array | undefined => {
    const code = flow.state.at === 'ready' ? ownCode(flow) : undefined;
    return code && qrCode.write(code);
  },

  /** Our person scanned a code. One that belongs to something else changes nothing. */
  scan: (flow: Flow, bytes: Uint8Array): Step => {
    if (flow.state.at !== 'ready' || !flows.canScan(flow)) return flows.refuse(flow, 'not-now');
    const code = qrCode.read(bytes);
    if (!code) return flows.refuse(flow, 'unreadable');
    if (code.id !== flow.id) return flows.refuse(flow, 'other-verification');
    const proof = proofOfCode(flow, code);
    if (!proof) {
      const step = flows.cancel(flow, 'm.key_mismatch', 'the code shows other keys');
      return { ...step, refused: 'wrong-keys' };
    }
    const start = flows.send(flow, 'start', {
      from_device: flow.own.deviceId,
      method: 'm.reciprocate.v1',
      secret: encodeBase64(code.secret),
    });
    return flows.to(flow, { at: 'scanning', proof }, start);
  },

  /** They say that they scanned our code, and know its secret. */
  receiveStart: (flow: Flow, { secret }: JsonObject): Step => {
    const code = ownCode(flow);
    if (!code) return flows.cancel(flow, 'm.unknown_method', 'no code was shown');
    const given = typeof secret === 'string' ? decodeBase64(secret) : undefined;
    if (!given) return flows.malformed(flow);
    if (given.length !== code.secret.length || !timingSafeEqual(given, code.secret)) {
      return flows.cancel(flow, 'm.key_mismatch', 'the secret is not that of the code');
    }
    const proof = proofOfScanned(flow, code);
    return flows.to(flow, { at: 'scanned', proof, theyAreDone: false });
  },

  /** Our person saw that their device accepted the code. */
  confirm: (flow: Flow): Step => {
    if (flow.state.at !== 'scanned') return flows.refuse(flow, 'not-now');
    const { proof, theyAreDone } = flow.state;
    const done = flows.send(flow, 'done', {});
    return theyAreDone
      ? flows.to(flow, { at: 'verified' }, done, { kind: 'verified', proof })
      : flows.to(flow, { at: 'done-sent', proof }, done);
  },
};
