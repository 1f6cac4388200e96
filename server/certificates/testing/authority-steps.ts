import { createHmac, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import type { ServerResponse } from 'node:http';

/** How the authority answers; a test changes it while the authority runs. */
export type Script = {
  /** Nonces that are refused before the next good one. */
  badNonces: number;
  /** Answers a step (directory, nonce, or one of `steps`) instead of the authority; `goOn` has a GET answered after all. */
  readonly instead: Map<string, (response: ServerResponse, goOn: () => void) => void>;
  /** States that an order is in, one a look, before it is what it should be. */
  readonly passing: { readonly status: string; readonly retryAfter?: string }[];
  /** The certificate for the key of a request. */
  certify: (hosts: readonly string[], key: KeyObject) => string;
  /** Where challenges are fetched; without it every name is anyone's. */
  challengePort: number | undefined;
  /** What is said of when to renew a certificate, by the name it is asked for with; without it nothing can be asked. */
  renewalInfo: ((id: string) => object) | undefined;
  /** Keys by their id: an account has to be bound to one of them. */
  readonly externalKeys: Map<string, string>;
};

type Order = {
  readonly hosts: readonly string[];
  readonly shown: Set<number>;
  readonly failed: Set<number>;
  cert?: string;
};

export type AuthorityState = {
  origin: string;
  readonly script: Script;
  readonly nonces: Set<string>;
  readonly accounts: JsonWebKey[];
  readonly orders: Order[];
};

type Payload = Readonly<Record<string, unknown>>;
type Call = {
  readonly state: AuthorityState;
  readonly response: ServerResponse;
  /** The numbers in the address: of the order, of the name in it. */
  readonly ids: readonly number[];
  readonly payload: Payload;
  readonly jwk: JsonWebKey;
};

const p256Header = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex');
const p256Bytes = 91;

const keyOf = (csr: string): KeyObject => {
  const bytes = Buffer.from(csr, 'base64url');
  const at = bytes.indexOf(p256Header);
  const key = bytes.subarray(at, at + p256Bytes);
  return createPublicKey({ key, type: 'spki', format: 'der' });
};

const decode = (text: unknown) => JSON.parse(Buffer.from(String(text), 'base64url').toString());

/** Answers JSON, or a text as a chain of certificates; with a fresh nonce. */
export const send = (
  { nonces }: AuthorityState,
  response: ServerResponse,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void => {
  const nonce = `n${Math.random()}`;
  nonces.add(nonce);
  const isText = typeof body === 'string';
  const type = isText ? 'application/pem-certificate-chain' : 'application/json';
  response.writeHead(200, { 'content-type': type, 'replay-nonce': nonce, ...headers });
  response.end(isText ? body : JSON.stringify(body));
};

/** A problem document, as an answer of its own. */
export const problem =
  (status: number, type: string, headers: Readonly<Record<string, string>> = {}) =>
  (response: ServerResponse): void => {
    response.writeHead(status, { 'content-type': 'application/problem+json', ...headers });
    response.end(
      JSON.stringify({ type: `urn:ietf:params:acme:error:${type}`, detail: 'scripted' }),
    );
  };

const isBound = ({ externalKeys }: Script, binding: unknown, jwk: JsonWebKey): boolean => {
  if (externalKeys.size === 0) return true;
  if (binding === null || typeof binding !== 'object') return false;
  const { protected: header, payload, signature } = binding as Payload;
  const key = Buffer.from(externalKeys.get(decode(header).kid) ?? '', 'base64url');
  const mac = createHmac('sha256', key).update(`${header}.${payload}`).digest('base64url');
  return mac === signature && JSON.stringify(decode(payload)) === JSON.stringify(jwk);
};

const looksGood = async ({ challengePort }: Script, token: string): Promise<boolean> => {
  if (challengePort === undefined) return true;
  const url = `http://127.0.0.1:${challengePort}/.well-known/acme-challenge/${token}`;
  const answer = await fetch(url).catch(() => undefined);
  return answer?.status === 200 && (await answer.text()).startsWith(`${token}.`);
};

const account = ({ state, response, payload, jwk }: Call): void => {
  const { script, accounts, origin } = state;
  if (!isBound(script, payload['externalAccountBinding'], jwk)) {
    problem(403, 'externalAccountRequired')(response);
    return;
  }
  if (!accounts.some(({ x }) => x === jwk.x)) accounts.push(jwk);
  const id = accounts.findIndex(({ x }) => x === jwk.x);
  send(state, response, { status: 'valid' }, { location: `${origin}/accounts/${id}` });
};

const order = ({ state, response, ids, payload }: Call): void => {
  const { origin, orders, script } = state;
  if (ids[0] === undefined) {
    const identifiers = payload['identifiers'] as { readonly value: string }[];
    const hosts = identifiers.map(({ value }) => value);
    orders.push({ hosts, shown: new Set(), failed: new Set() });
  }
  const id = ids[0] ?? orders.length - 1;
  const { hosts = [], shown, cert } = orders[id] ?? {};
  const isReady = shown?.size === hosts.length;
  const passing = isReady ? script.passing.shift() : undefined;
  const body = {
    status: passing?.status ?? (cert !== undefined ? 'valid' : isReady ? 'ready' : 'pending'),
    authorizations: hosts.map((_, n) => `${origin}/authorization/${id}/${n}`),
    finalize: `${origin}/finalize/${id}`,
    certificate: `${origin}/certificate/${id}`,
  };
  const { retryAfter } = passing ?? {};
  const headers = { ...(retryAfter !== undefined && { 'retry-after': retryAfter }) };
  send(state, response, body, { location: `${origin}/order/${id}`, ...headers });
};

const authorization = ({ state, response, ids: [id = 0, n = 0] }: Call): void => {
  const { hosts = [], shown, failed } = state.orders[id] ?? {};
  const error = { type: 'urn:ietf:params:acme:error:connection', detail: 'nobody there' };
  const challenge = {
    type: 'http-01',
    url: `${state.origin}/challenge/${id}/${n}`,
    token: `token-${id}-${n}`,
    ...(failed?.has(n) && { error }),
  };
  send(state, response, {
    status: shown?.has(n) ? 'valid' : failed?.has(n) ? 'invalid' : 'pending',
    identifier: { type: 'dns', value: hosts[n] },
    challenges: [{ type: 'dns-01', token: 'x' }, challenge],
  });
};

const challenge = async ({ state, response, ids: [id = 0, n = 0] }: Call): Promise<void> => {
  const isGood = await looksGood(state.script, `token-${id}-${n}`);
  state.orders[id]?.[isGood ? 'shown' : 'failed'].add(n);
  send(state, response, {});
};

const finalize = ({ state, response, ids: [id = 0], payload }: Call): void => {
  const asked = state.orders[id];
  if (asked) asked.cert = state.script.certify(asked.hosts, keyOf(String(payload['csr'])));
  send(state, response, {});
};

const certificate = ({ state, response, ids: [id = 0] }: Call): void =>
  send(state, response, state.orders[id]?.cert ?? '');

/** What the authority does at each step of the protocol, by the first part of its address. */
export const steps: Readonly<Record<string, (call: Call) => Promise<void> | void>> = {
  account,
  order,
  authorization,
  challenge,
  finalize,
  certificate,
};
