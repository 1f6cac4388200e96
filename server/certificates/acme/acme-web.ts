import { isObject } from '@candor/federation';
import { createWebClient, type WebAnswer } from '@candor/federation/transport';
import { limits } from '@candor/spec';
import { type AnswerHeaders, problemError, urlIn } from './read-answer.ts';

export type AcmeAnswer = {
  readonly status: number;
  readonly headers: AnswerHeaders;
  /** JSON where the answer says that it is, else text. */
  readonly body: unknown;
};

/** Requests to one authority, by HTTPS only; throws a `PeerError` without an answer. */
export type AcmeWeb = {
  readonly get: (url: string) => Promise<AcmeAnswer>;
  readonly post: (url: string, body: string) => Promise<AcmeAnswer>;
  readonly close: () => Promise<void>;
};

export type AcmeWebOptions = {
  /** Authorities (PEM) to believe the directory by, instead of the system's. */
  readonly ca: string | undefined;
  readonly signal: AbortSignal;
};

export type AcmeDirectory = {
  readonly newNonce: string;
  readonly newAccount: string;
  readonly newOrder: string;
  /** Undefined where the authority does not say when to renew. */
  readonly renewalInfo: string | undefined;
  readonly termsOfService: string | undefined;
};

const readBody = async ({ headers, body }: WebAnswer): Promise<unknown> => {
  if (/[/+]json\b/.test([headers['content-type']].flat()[0] ?? '')) return body.json();
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
};

export const openAcmeWeb = ({ ca, signal }: AcmeWebOptions): AcmeWeb => {
  // The operator names the authority, and it may be one in a network of their own.
  const client = createWebClient({ allowPrivateAddresses: true, ...(ca !== undefined && { ca }) });
  const request = { timeoutMs: limits.acmeRequestTimeoutMs, maxBytes: limits.acmeAnswerBytesMax };
  const ask = async (url: string, post: object): Promise<AcmeAnswer> => {
    const answer = await client.request({ url, ...request, httpsOnly: true, signal, ...post });
    return { status: answer.status, headers: answer.headers, body: await readBody(answer) };
  };
  const headers = { 'content-type': 'application/jose+json' };
  return {
    get: (url) => ask(url, {}),
    post: (url, body) => ask(url, { method: 'POST', headers, body }),
    close: () => client.close(),
  };
};

/** Where the authority takes what; throws an `AcmeError` when it is none. */
// https://www.rfc-editor.org/rfc/rfc8555#section-7.1.1
export const readDirectory = async (web: AcmeWeb, url: string): Promise<AcmeDirectory> => {
  const { status, body } = await web.get(url);
  if (status !== 200) throw problemError(`${url} gives no directory, status ${status}`, body);
  const { meta, renewalInfo } = isObject(body) ? body : {};
  const terms = isObject(meta) ? meta['termsOfService'] : undefined;
  return {
    newNonce: urlIn(body, 'newNonce'),
    newAccount: urlIn(body, 'newAccount'),
    newOrder: urlIn(body, 'newOrder'),
    renewalInfo: renewalInfo === undefined ? undefined : urlIn(body, 'renewalInfo'),
    termsOfService: typeof terms === 'string' ? terms : undefined,
  };
};
