import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import {
  type Json,
  type JsonObject,
  signingKeyFromSeed,
  signJson,
  signRequest,
} from '@candor/federation';
import type { CertificateAuthority } from '@candor/federation/testing';
import { type ReceivedAnswer, sendRequest } from '../send-request.ts';

export type PeerQuestion = {
  readonly method: string;
  /** Decoded parts of the path, `/_matrix/federation/` left out: `['v1', 'event', '$…']`. */
  readonly path: readonly string[];
  readonly query: URLSearchParams;
  readonly body: Json | undefined;
};

type PeerAnswer = { readonly status?: number; readonly body: unknown } | undefined;

/** What the peer says to a request; undefined hands it to the rule before. */
export type PeerRule = (question: PeerQuestion) => PeerAnswer | Promise<PeerAnswer>;

/** A homeserver that says and signs whatever a test tells it to. */
export type ScriptedPeer = {
  readonly serverName: string;
  readonly signer: {
    readonly serverName: string;
    readonly key: ReturnType<typeof signingKeyFromSeed>;
  };
  /** Everything that was asked of it, the oldest first. */
  readonly asked: readonly PeerQuestion[];
  /** The newest rule is asked first. */
  answer(rule: PeerRule): void;
  /** Sends a signed request, `path` as it goes over the wire. */
  ask(
    server: { readonly serverName: string },
    method: string,
    path: string,
    content?: Json,
  ): Promise<ReceivedAnswer>;
  close(): Promise<void>;
};

const readBody = async (request: IncomingMessage): Promise<Json | undefined> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  return text === '' ? undefined : (JSON.parse(text) as Json);
};

const federationPrefix = '/_matrix/federation/';

/** What the peer publishes as its keys. */
const keyDocument = ({ serverName, key }: ScriptedPeer['signer']): JsonObject =>
  signJson(
    {
      server_name: serverName,
      verify_keys: { [key.keyId]: { key: key.publicKey } },
      old_verify_keys: {},
      valid_until_ts: Date.now() + 86_400_000,
    },
    serverName,
    key,
  );

/** Starts a peer named `localhost:PORT` with a certificate of the authority. */
export const startScriptedPeer = async (authority: CertificateAuthority): Promise<ScriptedPeer> => {
  const key = signingKeyFromSeed('scripted', randomBytes(32));
  // It takes in whatever it is sent.
  const rules: PeerRule[] = [
    ({ path }) => (path[1] === 'send' ? { body: { pdus: {} } } : undefined),
  ];
  const asked: PeerQuestion[] = [];
  let serverName = '';

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', 'https://peer');
    const say = (status: number, body: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    };
    const body = await readBody(request);
    if (url.pathname === '/_matrix/key/v2/server')
      return say(200, keyDocument({ serverName, key }));
    const question: PeerQuestion = {
      method: request.method ?? '',
      path: url.pathname.replace(federationPrefix, '').split('/').map(decodeURIComponent),
      query: url.searchParams,
      body,
    };
    asked.push(question);
    for (const rule of rules.toReversed()) {
      const answer = await rule(question);
      if (answer) return say(answer.status ?? 200, answer.body);
    }
    say(404, { errcode: 'M_UNRECOGNIZED', error: 'not scripted' });
  };

  const tls = authority.issue(['localhost', '127.0.0.1']);
  const server = createServer({ cert: tls.cert, key: tls.key }, (request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  serverName = `localhost:${(server.address() as AddressInfo).port}`;

  return {
    get serverName() {
      return serverName;
    },
    signer: { serverName, key },
    asked,
    answer: (rule) => {
      rules.push(rule);
    },
    ask: (to, method, uri, content) => {
      const request = { method, uri, origin: serverName, destination: to.serverName };
      const signable = content === undefined ? request : { ...request, content };
      return sendRequest(`https://${to.serverName}${uri}`, {
        method,
        ca: authority.cert,
        headers: { authorization: signRequest(signable, key) },
        ...(content !== undefined && { body: content }),
      });
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};
