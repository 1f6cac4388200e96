import { generateKeyPairSync, type X509Certificate } from 'node:crypto';
import { isObject } from '@candor/federation';
import { createSigningRequest } from '@candor/federation/transport';
import { limits } from '@candor/spec';
import type { Wait } from '../pauses.ts';
import { AcmeError } from './acme-error.ts';
import type { AcmeSession } from './acme-session.ts';
import type { AcmeAnswer } from './acme-web.ts';
import { checkIssued } from './check-issued.ts';
import { problemError, retryAfterMsOf, urlIn } from './read-answer.ts';

export type IssuedCertificate = {
  /** The chain (PEM). */
  readonly cert: string;
  /** PKCS #8 PEM. */
  readonly key: string;
  readonly certificate: X509Certificate;
};

export type OrderOptions = {
  readonly session: AcmeSession;
  readonly hosts: readonly string[];
  /** Where challenges are answered: key authorizations by token. */
  readonly answers: Map<string, string>;
  readonly now: () => number;
  readonly wait: Wait;
  readonly signal: AbortSignal;
};

const statusOf = ({ body }: AcmeAnswer): unknown => (isObject(body) ? body['status'] : undefined);

const listIn = (body: unknown, name: string): readonly unknown[] => {
  const list = isObject(body) ? body[name] : undefined;
  return Array.isArray(list) ? list : [];
};

/** Reads a resource until it is no longer in one of these states, with pauses that the authority may name. */
const poll = async (
  { session, now, wait, signal }: OrderOptions,
  url: string,
  passing: readonly string[],
): Promise<AcmeAnswer> => {
  const endAt = now() + limits.acmeOrderMsMax;
  for (
    let pauseMs: number = limits.acmePollMsMin;
    ;
    pauseMs = Math.min(2 * pauseMs, limits.acmePollMsMax)
  ) {
    const answer = await session.post(url);
    const status = statusOf(answer);
    if (typeof status !== 'string') throw new AcmeError('the authority gives no status');
    if (!passing.includes(status)) return answer;
    if (now() >= endAt) throw new AcmeError(`the order stays ${status}`);
    const askedMs = Math.min(retryAfterMsOf(answer.headers, now()) ?? 0, limits.acmePollMsMax);
    await wait(Math.max(pauseMs, askedMs), signal);
    signal.throwIfAborted();
  }
};

const httpChallengeOf = (authorization: unknown, host: string) => {
  const challenge = listIn(authorization, 'challenges')
    .filter(isObject)
    .find(({ type }) => type === 'http-01');
  const token = challenge?.['token'];
  if (typeof token !== 'string' || !/^[A-Za-z0-9_-]{1,500}$/.test(token))
    throw new AcmeError(`${host}: the authority does not offer the challenge http-01`);
  return { url: urlIn(challenge, 'url'), token };
};

/** Shows the authority that one name is ours. */
// https://www.rfc-editor.org/rfc/rfc8555#section-7.5
const authorize = async (options: OrderOptions, url: string): Promise<void> => {
  const { session, answers } = options;
  const found = await session.post(url);
  if (statusOf(found) === 'valid') return;
  const identifier = isObject(found.body) ? found.body['identifier'] : undefined;
  const host = String(isObject(identifier) ? identifier['value'] : url);
  const challenge = httpChallengeOf(found.body, host);
  answers.set(challenge.token, `${challenge.token}.${session.thumbprint}`);
  try {
    await session.post(challenge.url, {});
    const { body } = await poll(options, url, ['pending', 'processing']);
    if (isObject(body) && body['status'] === 'valid') return;
    const failed = listIn(body, 'challenges')
      .filter(isObject)
      .find((one) => 'error' in one);
    throw problemError(`${host} could not be shown to be ours`, failed?.['error']);
  } finally {
    answers.delete(challenge.token);
  }
};

const orderError = (order: AcmeAnswer): AcmeError =>
  problemError(
    `the order is ${statusOf(order)}`,
    isObject(order.body) ? order.body['error'] : undefined,
  );

/** A new key and a certificate for it (PEM); throws an `AcmeError` or a `PeerError` when there is none. */
// https://www.rfc-editor.org/rfc/rfc8555#section-7.4
export const orderCertificate = async (options: OrderOptions): Promise<IssuedCertificate> => {
  const { session, hosts, now } = options;
  const identifiers = hosts.map((value) => ({ type: 'dns', value }));
  const order = await session.post(session.directory.newOrder, { identifiers });
  const orderUrl = [order.headers['location']].flat()[0];
  if (orderUrl === undefined) throw new AcmeError('the authority does not name the order');
  for (const url of listIn(order.body, 'authorizations').slice(0, limits.certificateHostsMax))
    await authorize(options, urlIn({ authorization: url }, 'authorization'));

  const ready = await poll(options, orderUrl, ['pending']);
  if (statusOf(ready) !== 'ready') throw orderError(ready);
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const csr = createSigningRequest(hosts, privateKey).toString('base64url');
  await session.post(urlIn(ready.body, 'finalize'), { csr });
  const done = await poll(options, orderUrl, ['ready', 'processing']);
  if (statusOf(done) !== 'valid') throw orderError(done);
  const { body } = await session.post(urlIn(done.body, 'certificate'));
  const issued = checkIssued(typeof body === 'string' ? body : '', privateKey, hosts, now());
  if (!issued.ok) throw new AcmeError(`the certificate that came is not the one: ${issued.reason}`);
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  return { cert: issued.cert, key, certificate: issued.certificate };
};
