import { canonicalJson, type JsonObject } from '@candor/federation';
import { limits } from '@candor/spec';
import { type Action, type Flow, flows, type Method, type Side, type Step } from './flow.ts';
import { qrExchange } from './qr-exchange.ts';
import { sasExchange } from './sas-exchange.ts';

/** A message of the verification, as it came. */
export type Received = {
  readonly kind: 'received';
  /** Without the prefix. */
  readonly type: string;
  readonly content: JsonObject;
  readonly sender: string;
  /** Known only of encrypted events in rooms. */
  readonly senderDevice: string | null;
  /** The keys of the device named `from_device`, if they are known. */
  readonly from?: Side | undefined;
};

/** What happens to a verification: a message, the person's wish, or the passing of time. */
export type Input =
  | Received
  | { readonly kind: 'accept'; readonly now: number }
  | { readonly kind: 'start-sas' }
  | { readonly kind: 'scan'; readonly bytes: Uint8Array }
  | { readonly kind: 'confirm' }
  | { readonly kind: 'mismatch' }
  | { readonly kind: 'cancel' }
  | { readonly kind: 'time'; readonly now: number };

const unexpected = (flow: Flow, type: string): Step =>
  flows.cancel(flow, 'm.unexpected_message', `${type} does not belong here`);

const receiveReady = (flow: Flow, { content, from }: Received): Step => {
  if (flow.state.at !== 'requested') return unexpected(flow, 'ready');
  const { methods } = content;
  if (!Array.isArray(methods)) return flows.malformed(flow);
  if (!from) return flows.cancel(flow, 'm.key_mismatch', 'the keys of the device are not known');
  const otherMethods = methods.filter((method) => typeof method === 'string');
  const chosen = { ...flow, other: from, otherMethods };
  if (!flows.canUseSas(chosen) && !flows.canShow(chosen) && !flows.canScan(chosen)) {
    return flows.cancel(chosen, 'm.unknown_method', 'no common method');
  }
  const others = flow.asked.filter((deviceId) => deviceId !== from.deviceId);
  const accepted = { code: 'm.accepted', reason: 'another device accepted the request' };
  const tell: Action[] = others.length > 0 ? [flows.send(flow, 'cancel', accepted, others)] : [];
  return flows.to(chosen, { at: 'ready' }, ...tell);
};

/** Whose start counts, of theirs and one of ours; with different methods the verification ends. */
const whoseStart = (flow: Flow, method: unknown): Step | 'theirs' | 'ours' => {
  const ours = flow.state.at === 'starting' ? 'm.sas.v1' : 'm.reciprocate.v1';
  if (method !== ours) return unexpected(flow, 'a start with another method');
  return flows.oursCounts(flow) ? 'ours' : 'theirs';
};

const receiveStart = (flow: Flow, { content }: Received): Step => {
  const { at } = flow.state;
  const { method } = content;
  if (at === 'starting' || at === 'scanning') {
    const winner = whoseStart(flow, method);
    if (winner === 'ours') return flows.to(flow, flow.state);
    if (winner !== 'theirs') return winner;
  } else if (at !== 'ready') return unexpected(flow, 'start');
  if (method === 'm.sas.v1' && flow.ownMethods.includes(method)) {
    return sasExchange.accept(flow, content);
  }
  if (method === 'm.reciprocate.v1') return qrExchange.receiveStart(flow, content);
  return flows.cancel(flow, 'm.unknown_method', 'the method is not known here');
};

const receiveDone = (flow: Flow): Step => {
  const { state } = flow;
  switch (state.at) {
    case 'done-sent':
      return flows.to(flow, { at: 'verified' }, { kind: 'verified', proof: state.proof });
    case 'scanning':
      return flows.to(flow, { at: 'verified' }, flows.send(flow, 'done', {}), {
        kind: 'verified',
        proof: state.proof,
      });
    case 'scanned':
      return flows.to(flow, { ...state, theyAreDone: true });
    default:
      return unexpected(flow, 'done');
  }
};

const receiveCancel = (flow: Flow, { content }: Received): Step => {
  const [code, reason] = [content['code'], content['reason']].map((text) =>
    typeof text === 'string' ? text : '',
  );
  const state = {
    at: 'cancelled',
    code: code || 'm.user',
    reason: reason ?? '',
    byUs: false,
  } as const;
  // One device declined for all.
  const isDeclined = flow.state.at === 'requested' && flow.asked.length > 1;
  const declined = { code: 'm.user', reason: 'the request was declined' };
  return flows.to(flow, state, ...(isDeclined ? [flows.send(flow, 'cancel', declined)] : []));
};

const textOf = (content: JsonObject): string | undefined => {
  try {
    return canonicalJson(content);
  } catch {
    return undefined;
  }
};

/** Another device of our own user took part: in a room everybody hears everybody. */
const elsewhere = (flow: Flow, { type }: Received): Step => {
  const isTaken = flow.state.at === 'offered' && ['ready', 'start', 'cancel'].includes(type);
  const reason = 'another device of this user answered';
  return flows.to(
    flow,
    isTaken ? { at: 'cancelled', code: 'm.accepted', reason, byUs: false } : flow.state,
  );
};

const isForeign = ({ otherUserId, other }: Flow, received: Received): boolean => {
  const { sender, senderDevice, content } = received;
  const fromDevice = content['from_device'];
  return (
    sender !== otherUserId ||
    (other !== null && senderDevice !== null && senderDevice !== other.deviceId) ||
    // A second device of theirs that accepted before it heard of the first.
    (other !== null && fromDevice !== undefined && fromDevice !== other.deviceId)
  );
};

const receive = (flow: Flow, received: Received): Step => {
  const { type, content, sender } = received;
  const ignored = flows.to(flow, flow.state);
  if (flows.isOver(flow)) return ignored;
  if (sender === flow.own.userId && !flows.isOwnUser(flow)) return elsewhere(flow, received);
  if (isForeign(flow, received)) return ignored;
  if (type === 'cancel') return receiveCancel(flow, received);
  const text = textOf(content);
  const isSettled = flow.state.at === 'done-sent' && type !== 'done';
  if (isSettled || (text !== undefined && flow.seen.get(type) === text)) return ignored;
  if (text === undefined) return flows.malformed(flow);
  if (flow.seen.has(type)) return unexpected(flow, `a second ${type}`);
  const noted = { ...flow, seen: new Map([...flow.seen, [type, text]]) };
  switch (type) {
    case 'ready':
      return receiveReady(noted, received);
    case 'start':
      return receiveStart(noted, received);
    case 'accept':
      return sasExchange.receiveAccept(noted, content) ?? unexpected(noted, type);
    case 'key':
      return sasExchange.receiveKey(noted, content) ?? unexpected(noted, type);
    case 'mac':
      return sasExchange.receiveMac(noted, content) ?? unexpected(noted, type);
    case 'done':
      return receiveDone(noted);
    default:
      return ignored;
  }
};

/** The methods that make sense towards what they can do. */
const answeringMethods = (flow: Flow): Method[] => {
  const [show, scan] = [flows.canShow(flow), flows.canScan(flow)];
  return [
    ...(flows.canUseSas(flow) ? (['m.sas.v1'] as const) : []),
    ...(show ? (['m.qr_code.show.v1'] as const) : []),
    ...(scan ? (['m.qr_code.scan.v1'] as const) : []),
    ...(show || scan ? (['m.reciprocate.v1'] as const) : []),
  ];
};

const accept = (flow: Flow, now: number): Step => {
  if (flow.state.at !== 'offered') return flows.refuse(flow, 'not-now');
  const begun = { ...flow, expiresAt: now + limits.verificationMsMax };
  if (flow.state.start) return sasExchange.accept(begun, flow.state.start);
  const methods = answeringMethods(flow);
  if (methods.length === 0) return flows.refuse(flow, 'no-common-method');
  const ready = flows.send(flow, 'ready', { from_device: flow.own.deviceId, methods });
  return flows.to({ ...begun, ownMethods: methods }, { at: 'ready' }, ready);
};

const expire = (flow: Flow): Step => {
  const reason = 'it took too long';
  const { at } = flow.state;
  // An untouched prompt goes away by itself: another device may still be asked. And what we
  // confirmed we do not take back, or one side alone would be verified.
  if (at !== 'offered' && at !== 'done-sent') return flows.cancel(flow, 'm.timeout', reason);
  return flows.to(flow, { at: 'cancelled', code: 'm.timeout', reason, byUs: true });
};

const mismatch = (flow: Flow): Step => {
  const { at } = flow.state;
  if (at === 'comparing') {
    return flows.cancel(flow, 'm.mismatched_sas', 'the short authentication strings differ');
  }
  if (at === 'scanned') return flows.cancel(flow, 'm.key_mismatch', 'the code was not accepted');
  return flows.refuse(flow, 'not-now');
};

/**
 * The next state of a verification and what is to be done. Pure: the keys and the randomness are in
 * the flow. Both sides are verified or neither is: each says that it is convinced and then waits for
 * the other to say so, and whoever said so no longer cancels.
 */
// https://spec.matrix.org/v1.19/client-server-api/#key-verification-framework
export const step = (flow: Flow, input: Input): Step => {
  if (input.kind === 'received') return receive(flow, input);
  if (flows.isOver(flow)) return flows.refuse(flow, 'not-now');
  switch (input.kind) {
    case 'accept':
      return accept(flow, input.now);
    case 'start-sas': {
      const mayStart = flow.state.at === 'ready' && flows.canUseSas(flow);
      return mayStart ? sasExchange.start(flow) : flows.refuse(flow, 'not-now');
    }
    case 'scan':
      return qrExchange.scan(flow, input.bytes);
    case 'confirm':
      return flow.state.at === 'scanned' ? qrExchange.confirm(flow) : sasExchange.confirm(flow);
    case 'mismatch':
      return mismatch(flow);
    case 'cancel':
      return flow.state.at === 'done-sent'
        ? flows.refuse(flow, 'not-now')
        : flows.cancel(flow, 'm.user', 'the person cancelled');
    case 'time':
      return input.now < flow.expiresAt ? flows.to(flow, flow.state) : expire(flow);
  }
};
