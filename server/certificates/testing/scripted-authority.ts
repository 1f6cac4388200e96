import { createPublicKey, type JsonWebKey, verify } from 'node:crypto';
import type { IncomingMessage, RequestListener } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { makeAuthority } from '@candor/federation/testing';
import type { Test } from 'tap';
import { type AuthorityState, problem, type Script, send, steps } from './authority-steps.ts';

/** What the authority was asked: the address without its host, and the payload that was signed. */
export type Asked = {
  readonly step: string;
  readonly payload: Readonly<Record<string, unknown>>;
};

const decode = (text: unknown) => JSON.parse(Buffer.from(String(text), 'base64url').toString());

const readBody = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
};

/** The payload of a request that is signed as it has to be; throws for another. */
// https://www.rfc-editor.org/rfc/rfc8555#section-6
const readSigned = ({ origin, accounts, nonces }: AuthorityState, text: string, url: string) => {
  const jws = JSON.parse(text);
  const header = decode(jws.protected);
  const jwk: JsonWebKey = header.jwk ?? accounts[Number(header.kid?.split('/').at(-1))];
  const key = createPublicKey({ key: jwk, format: 'jwk' });
  const signed = Buffer.from(`${jws.protected}.${jws.payload}`);
  const signature = Buffer.from(jws.signature, 'base64url');
  if (!verify('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, signature))
    throw new Error('a wrong signature');
  if (header.url !== origin + url) throw new Error('signed for another address');
  if (!nonces.delete(header.nonce)) throw new Error('a nonce that was not given');
  return { jwk, payload: jws.payload === '' ? {} : decode(jws.payload) };
};

const directoryOf = ({ origin, script }: AuthorityState) => ({
  ...(script.renewalInfo && { renewalInfo: `${origin}/renewal` }),
  newNonce: `${origin}/nonce`,
  newAccount: `${origin}/account`,
  newOrder: `${origin}/order`,
  meta: { termsOfService: `${origin}/terms` },
});

const answerBy =
  (state: AuthorityState, asked: Asked[]): RequestListener =>
  async (request, response) => {
    const { method, url = '' } = request;
    const [step = '', ...ids] = url.slice(1).split('/');
    const text = await readBody(request);
    const read = () => {
      const { renewalInfo } = state.script;
      if (step === 'directory') send(state, response, directoryOf(state));
      else send(state, response, step === 'renewal' ? renewalInfo?.(ids.join('/')) : {});
    };
    const instead = state.script.instead.get(step);
    if (instead) {
      asked.push({ step: url.slice(1), payload: {} });
      return instead(response, read);
    }
    if (method === 'GET') return read();
    try {
      const { jwk, payload } = readSigned(state, text, url);
      asked.push({ step: url.slice(1), payload });
      if (state.script.badNonces > 0) {
        state.script.badNonces -= 1;
        return problem(400, 'badNonce')(response);
      }
      await steps[step]?.({ state, response, ids: ids.map(Number), payload, jwk });
    } catch (error) {
      asked.push({ step: `fault: ${error}`, payload: {} });
      problem(400, 'malformed')(response);
    }
  };

/** An ACME authority over TLS on loopback, which holds clients to the protocol and does what its script says. */
export const startScriptedAuthority = async (t: Test) => {
  const authority = makeAuthority('Scripted authority');
  const asked: Asked[] = [];
  const script: Script = {
    badNonces: 0,
    instead: new Map(),
    passing: [],
    certify: (hosts, key) => authority.certify(hosts, key, { from: new Date(), days: 90 }),
    challengePort: undefined,
    renewalInfo: undefined,
    externalKeys: new Map(),
  };
  const state = { origin: '', script, nonces: new Set<string>(), accounts: [], orders: [] };
  const server = createServer(authority.issue(['localhost']), answerBy(state, asked));
  const listen = (port: number) =>
    new Promise<number>((resolve) => {
      server.listen(port, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
    });
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  const port = await listen(0);
  state.origin = `https://localhost:${port}`;
  t.teardown(stop);
  return {
    /** Of the directory. */
    url: `${state.origin}/directory`,
    authority,
    script,
    asked,
    /** How often a step was asked for. */
    count: (step: string) => asked.filter((one) => one.step.split('/')[0] === step).length,
    stop,
    /** Again, on the same port. */
    start: () => listen(port),
  };
};
