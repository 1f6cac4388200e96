import type { RequestListener } from 'node:http';

const prefix = '/.well-known/acme-challenge/';

/** What the authority asks for on port 80, and the listener that answers it and nothing else. */
export type HttpChallenges = {
  /** Key authorizations by token, while their order is open. */
  readonly answers: Map<string, string>;
  readonly listener: RequestListener;
};

/**
 * Answers http-01 challenges. Who opens `http://` in a browser is sent on to `publicUrl`; what belongs to an API is
 * refused, so that no client goes on sending passwords this way.
 */
// https://www.rfc-editor.org/rfc/rfc8555#section-8.3
export const createHttpChallenges = (publicUrl: string): HttpChallenges => {
  const answers = new Map<string, string>();
  const listener: RequestListener = (request, response) => {
    const { method, url = '/' } = request;
    const answer = url.startsWith(prefix) ? answers.get(url.slice(prefix.length)) : undefined;
    const isRead = method === 'GET' || method === 'HEAD';
    const isPage = !url.startsWith('/_') && !url.startsWith('/.well-known/');
    const end = (status: number, headers: Record<string, string>, body = '') =>
      response.writeHead(status, { connection: 'close', ...headers }).end(body);
    if (isRead && answer !== undefined)
      end(200, { 'content-type': 'application/octet-stream' }, answer);
    else if (isRead && isPage && url.startsWith('/') && publicUrl.startsWith('https:'))
      end(301, { location: publicUrl + url });
    else end(404, {});
  };
  return { answers, listener };
};
