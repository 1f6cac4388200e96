import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { text } from 'node:stream/consumers';
import { limits } from '@candor/spec';
import type { Config } from '../config/read-config.ts';

/** Where this machine reaches a listener on all of its addresses. */
const anyAddress = new Map([
  ['0.0.0.0', '127.0.0.1'],
  ['::', '::1'],
]);

const ask = ({ client: { listen, isTls } }: Config): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const options = {
      host: anyAddress.get(listen.host) ?? listen.host,
      port: listen.port,
      path: '/health',
      signal: AbortSignal.timeout(limits.healthTimeoutMs),
    };
    const request = isTls
      ? // The certificate is for the name that others use, and nothing secret is asked.
        httpsRequest({ ...options, rejectUnauthorized: false }, resolve)
      : httpRequest(options, resolve);
    request.on('error', reject).end();
  });

/** Asks the running server whether it can serve, where clients reach it; for the health checks of containers. */
export const health = async (config: Config): Promise<number> => {
  try {
    const answer = await ask(config);
    const body = await text(answer);
    process.stdout.write(`${body}\n`);
    return answer.statusCode === 200 ? 0 : 1;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    process.stderr.write(`candor: the server does not answer: ${reason}\n`);
    return 1;
  }
};
