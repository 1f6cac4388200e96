import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';

export type SentRequest = {
  readonly method?: string;
  readonly token?: string;
  /** JSON; bytes and text are sent as they are. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Certificate authorities (PEM) to believe instead of the system's. */
  readonly ca?: string;
};

export type ReceivedAnswer = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  /** The parsed JSON; undefined when it is none. */
  readonly json: unknown;
};

const answerMsMax = 60_000;

const parse = (bytes: Buffer): unknown => {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
};

const toBytes = (body: unknown): Buffer | undefined => {
  if (body === undefined || Buffer.isBuffer(body)) return body;
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
};

/** Sends one request by HTTP or HTTPS; redirects are not followed. Rejects when there is no answer. */
export const sendRequest = (url: string, request: SentRequest = {}): Promise<ReceivedAnswer> =>
  new Promise((resolve, reject) => {
    const { method = 'GET', token, headers, ca } = request;
    const bytes = toBytes(request.body);
    const options = {
      method,
      timeout: answerMsMax,
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(bytes && { 'content-type': 'application/json', 'content-length': bytes.length }),
        ...headers,
      },
    };
    const open = url.startsWith('https:')
      ? httpsRequest(url, { ...options, ca })
      : httpRequest(url, options);
    open.on('timeout', () => open.destroy(new Error(`${method} ${url}: no answer in time`)));
    open.on('error', reject);
    open.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const { statusCode: status = 0, headers } = response;
        const all = Buffer.concat(chunks);
        resolve({ status, headers, bytes: all, json: parse(all) });
      });
    });
    open.end(bytes);
  });
