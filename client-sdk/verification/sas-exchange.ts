import { isObject, type JsonObject } from '@candor/federation';
import { type Flow, flows, type Proof, type Step } from './flow.ts';
import { type MacDirection, type Macs, sas } from './sas.ts';

const protocol = 'curve25519-hkdf-sha256';
const hash = 'sha256';
const macMethod = 'hkdf-hmac-sha256.v2';
const shortStrings = ['decimal', 'emoji'];

const includes = (list: unknown, entry: string): boolean =>
  Array.isArray(list) && list.includes(entry);

const unknownMethod = (flow: Flow, what: string): Step =>
  flows.cancel(flow, 'm.unknown_method', `no common ${what}`);

/** The secret and what the people compare; undefined when their key is none. */
const agree = (flow: Flow, weStarted: boolean, theirKey: string) => {
  const { own, other, ephemeral, id } = flow;
  const secret = other && sas.agree(ephemeral, theirKey);
  if (!secret) return undefined;
  const ours = { ...own, publicKey: ephemeral.publicKey };
  const theirs = { ...other, publicKey: theirKey };
  const [starter, accepter] = weStarted ? [ours, theirs] : [theirs, ours];
  return { secret, shown: sas.shortString(secret, starter, accepter, id) };
};

const direction = (flow: Flow, isOurs: boolean): MacDirection => {
  const { own, other, id } = flow;
  const them = { userId: flow.otherUserId, deviceId: other?.deviceId ?? '' };
  return isOurs ? { from: own, to: them, id } : { from: them, to: own, id };
};

/** The keys we want the other side to verify: a master key only when we know it to be right. */
const ownKeys = ({ own }: Flow): Map<string, string> => {
  const keys = new Map([[`ed25519:${own.deviceId}`, own.deviceKey]]);
  if (own.vouches && own.masterKey !== null) keys.set(`ed25519:${own.masterKey}`, own.masterKey);
  return keys;
};

const macsIn = ({ mac, keys }: JsonObject): Macs | undefined => {
  if (!isObject(mac) || typeof keys !== 'string') return undefined;
  const codes = Object.entries(mac).flatMap(([keyId, code]): [string, string][] =>
    typeof code === 'string' ? [[keyId, code]] : [],
  );
  if (codes.length !== Object.keys(mac).length) return undefined;
  return { mac: Object.fromEntries(codes), keys };
};

/** What codes prove: of another user the master key, of an own device its key and perhaps the master key. */
const proofOf = (flow: Flow, secret: Uint8Array, macs: Macs): Proof | undefined => {
  const { other } = flow;
  if (!other) return undefined;
  const { deviceId, deviceKey, masterKey } = other;
  const deviceKeyId = `ed25519:${deviceId}`;
  const known = new Map([[deviceKeyId, deviceKey]]);
  if (masterKey !== null) known.set(`ed25519:${masterKey}`, masterKey);
  const verified = sas.check(secret, direction(flow, false), macs, known);
  if (!verified) return undefined;
  const hasMaster = masterKey !== null && verified.includes(`ed25519:${masterKey}`);
  if (!flows.isOwnUser(flow)) return hasMaster ? { masterKey } : undefined;
  // A key we do not know is another master key than the one our homeserver shows us.
  const isComplete = verified.length === Object.keys(macs.mac).length;
  if (!isComplete || !verified.includes(deviceKeyId)) return undefined;
  return { device: { deviceId, deviceKey }, ...(hasMaster && { masterKey }) };
};

/** Our side is convinced. */
const finish = (flow: Flow, proof: Proof): Step =>
  flows.to(flow, { at: 'done-sent', proof }, flows.send(flow, 'done', {}));

/** The exchange of `m.sas.v1` from the start to the authentication codes. */
// https://spec.matrix.org/v1.19/client-server-api/#short-authentication-string-sas-verification
export const sasExchange = {
  start: (flow: Flow): Step => {
    const message = flows.send(flow, 'start', {
      from_device: flow.own.deviceId,
      method: 'm.sas.v1',
      key_agreement_protocols: [protocol],
      hashes: [hash],
      message_authentication_codes: [macMethod],
      short_authentication_string: shortStrings,
    });
    return flows.to(flow, { at: 'starting', start: message.content }, message);
  },

  /** Answers their start with the choice of algorithms and the commitment to our key. */
  accept: (flow: Flow, start: JsonObject): Step => {
    const offered = start['short_authentication_string'];
    const common = shortStrings.filter((entry) => includes(offered, entry));
    if (!includes(start['key_agreement_protocols'], protocol)) {
      return unknownMethod(flow, 'key agreement');
    }
    if (!includes(start['hashes'], hash)) return unknownMethod(flow, 'hash');
    if (!includes(start['message_authentication_codes'], macMethod)) {
      return unknownMethod(flow, 'message authentication code');
    }
    if (common.length === 0) return unknownMethod(flow, 'short authentication string');
    const message = flows.send(flow, 'accept', {
      method: 'm.sas.v1',
      key_agreement_protocol: protocol,
      hash,
      message_authentication_code: macMethod,
      short_authentication_string: common,
      commitment: sas.commitment(flow.ephemeral.publicKey, start),
    });
    return flows.to(flow, { at: 'accepted', start }, message);
  },

  receiveAccept: (flow: Flow, content: JsonObject): Step | undefined => {
    if (flow.state.at !== 'starting') return undefined;
    const { commitment, short_authentication_string: short } = content;
    const isKnown =
      content['key_agreement_protocol'] === protocol &&
      content['hash'] === hash &&
      content['message_authentication_code'] === macMethod &&
      shortStrings.some((entry) => includes(short, entry));
    if (!isKnown) return unknownMethod(flow, 'algorithms');
    if (typeof commitment !== 'string') return flows.malformed(flow);
    const { start } = flow.state;
    const key = flows.send(flow, 'key', { key: flow.ephemeral.publicKey });
    return flows.to(flow, { at: 'key-sent', start, commitment }, key);
  },

  receiveKey: (flow: Flow, { key }: JsonObject): Step | undefined => {
    const { state } = flow;
    if (state.at !== 'accepted' && state.at !== 'key-sent') return undefined;
    if (typeof key !== 'string') return flows.malformed(flow);
    if (state.at === 'key-sent' && sas.commitment(key, state.start) !== state.commitment) {
      return flows.cancel(flow, 'm.mismatched_commitment', 'the key is not the one promised');
    }
    const agreed = agree(flow, state.at === 'key-sent', key);
    if (!agreed) return flows.malformed(flow);
    const ours = flows.send(flow, 'key', { key: flow.ephemeral.publicKey });
    return flows.to(
      flow,
      { at: 'comparing', ...agreed },
      ...(state.at === 'accepted' ? [ours] : []),
    );
  },

  /** The person says that both see the same. */
  confirm: (flow: Flow): Step => {
    if (flow.state.at !== 'comparing') return flows.refuse(flow, 'not-now');
    const { secret, shown, proof } = flow.state;
    const { mac, keys } = sas.macs(secret, direction(flow, true), ownKeys(flow));
    const message = flows.send(flow, 'mac', { mac: { ...mac }, keys });
    if (!proof) return flows.to(flow, { at: 'confirmed', secret, shown }, message);
    const finished = finish(flow, proof);
    return { ...finished, actions: [message, ...finished.actions] };
  },

  receiveMac: (flow: Flow, content: JsonObject): Step | undefined => {
    const { state } = flow;
    if (state.at !== 'comparing' && state.at !== 'confirmed') return undefined;
    const macs = macsIn(content);
    if (!macs) return flows.malformed(flow);
    const proof = proofOf(flow, state.secret, macs);
    if (!proof) return flows.cancel(flow, 'm.key_mismatch', 'the keys are not the ones known here');
    return state.at === 'confirmed' ? finish(flow, proof) : flows.to(flow, { ...state, proof });
  },
};
