import { limits, type Operation } from '@candor/spec';
import { RequestError } from './request-error.ts';

/** An operation with everything that goes into its request. */
export type PreparedRequest = {
  readonly operation: Operation;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
  /** Length of a body of bytes. */
  readonly bodyBytes?: number;
  readonly token?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number;
};

/** Throws for what would lead out of its place: URLs have dots resolved, escaped or not. */
const pathOf = (template: string, params: PreparedRequest['params'] = {}): string =>
  template.replace(/\{(\w+)\}/g, (_, name: string) => {
    const part = String(params[name] ?? '');
    if (part === '.' || part === '..') throw new TypeError(`${name} cannot be '${part}'`);
    return encodeURIComponent(part);
  });

const queryOf = (query: PreparedRequest['query'] = {}): string => {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined) search.append(name, String(one));
    }
  }
  return search.size === 0 ? '' : `?${search}`;
};

const bodyOf = ({ operation, body, bodyBytes }: PreparedRequest): RequestInit => {
  if (operation.method === 'GET' || operation.body === undefined) return {};
  if (operation.body !== 'bytes') {
    return {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body ?? {}),
    };
  }
  const headers = {
    'content-type': 'application/octet-stream',
    ...(bodyBytes !== undefined && { 'content-length': String(bodyBytes) }),
  };
  return { headers, body: body as ReadableStream, duplex: 'half' };
};

const readText = async (response: Response, bytesMax: number): Promise<string> => {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw new RangeError('the answer is larger than allowed');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
};

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** Where a file is kept elsewhere; undefined for what is no way there. */
// https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1mediadownloadservernamemediaid
const elsewhere = (url: string, { status, headers }: Response): URL | undefined => {
  const location = headers.get('location');
  if (![307, 308].includes(status) || !location || !URL.canParse(location, url)) return undefined;
  const target = new URL(location, url);
  const isSafe = ['https:', new URL(url).protocol].includes(target.protocol);
  return isSafe ? target : undefined;
};

/** Makes one request: gives the parsed JSON, or the stream of a `'bytes'` answer; rejects with `RequestError`. */
export const sendRequest = async (baseUrl: string, request: PreparedRequest): Promise<unknown> => {
  const { operation, token, signal, timeoutMs = limits.clientRequestTimeoutMs } = request;
  const name = `${operation.method} ${operation.id}`;
  const timeout = AbortSignal.timeout(timeoutMs);
  const { headers, ...rest } = bodyOf(request);
  const url = baseUrl + pathOf(operation.path, request.params) + queryOf(request.query);
  let status: number | undefined;
  let body: unknown;
  let retryAfter: string | null;
  try {
    const isFile = operation.response === 'bytes';
    const either = signal ? AbortSignal.any([signal, timeout]) : timeout;
    let response = await fetch(url, {
      ...rest,
      method: operation.method,
      // A token must not follow a redirect to another host.
      redirect: isFile ? 'manual' : 'error',
      signal: either,
      headers: { ...headers, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
    });
    const target = isFile ? elsewhere(url, response) : undefined;
    if (target) response = await fetch(target, { redirect: 'error', signal: either });
    status = response.status;
    retryAfter = response.headers.get('retry-after');
    if (response.ok && isFile) return response.body ?? new ReadableStream();
    body = parse(await readText(response, limits.clientAnswerBytesMax));
  } catch (cause) {
    throw new RequestError(name, { cause });
  }
  if (status === 200 && body !== undefined) return body;
  throw new RequestError(name, { status, body, retryAfter });
};
