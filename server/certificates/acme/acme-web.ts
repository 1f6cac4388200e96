import { isObject } from '@candor/federation';
import { createWebClient, type WebAnswer } from '@candor/federation/transport';
import { limits } from '@candor/spec';
import { readCaFile } from '../../config/read-ca-file.ts';
import type { AcmeConfig } from '../../config/read-config.ts';
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

const openAcmeWeb = (ca: string | undefined, signal: AbortSignal): AcmeWeb => {
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

// https://www.rfc-editor.org/rfc/rfc8555#section-7.1.1
const readDirectory = async (web: AcmeWeb, url: string): Promise<AcmeDirectory> => {
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

/** Connections to the authority of the settings while `use` runs, and where it takes what. Throws an `AcmeError` when it is none. */
export const withAuthority = async <T>(
  { directory, caFile }: Pick<AcmeConfig, 'directory' | 'caFile'>,
  signal: AbortSignal,
  use: (web: AcmeWeb, directory: AcmeDirectory) => Promise<T>,
): Promise<T> => {
  const ca = await readCaFile('tls.acme.ca_file', caFile);
  const web = openAcmeWeb(ca, signal);
  try {
    return await use(web, await readDirectory(web, directory));
  } finally {
    await web.close();
  }
};
