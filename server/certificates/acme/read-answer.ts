import { isObject } from '@candor/federation';
import { limits } from '@candor/spec';
import { AcmeError } from './acme-error.ts';

export type AnswerHeaders = Readonly<Record<string, string | string[] | undefined>>;

const hints: Readonly<Record<string, string>> = {
  externalAccountRequired: 'set tls.acme.eab_key_id and tls.acme.eab_hmac_key',
  connection: 'port 80 of the name has to lead to tls.acme.http_listen',
  unauthorized: 'port 80 of the name has to lead to tls.acme.http_listen',
  dns: 'the name has to lead to this machine in the DNS',
};

const prefix = 'urn:ietf:params:acme:error:';
const detailLengthMax = 500;

/** How long `Retry-After` (seconds or a date) asks to wait; undefined when it says nothing we understand. */
export const retryAfterMsOf = (headers: AnswerHeaders, now: number): number | undefined => {
  const text = [headers['retry-after']].flat()[0] ?? '';
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - now;
  return ms >= 0 ? Math.min(ms, limits.acmeRetryAfterMsMax) : undefined;
};

/** For the log and the terminal of the operator, whatever the authority puts into it. */
const oneLine = (text: string): string =>
  text.slice(0, detailLengthMax).replaceAll(/\p{Cc}+/gu, ' ');

/** A problem document as an error that says what can be done about it. */
// https://www.rfc-editor.org/rfc/rfc8555#section-6.7
export const problemError = (
  about: string,
  problem: unknown,
  retryAfterMs?: number | undefined,
): AcmeError => {
  const { type, detail } = isObject(problem) ? problem : {};
  const name = typeof type === 'string' ? oneLine(type.replace(prefix, '')) : undefined;
  const said = typeof detail === 'string' ? oneLine(detail) : 'no reason given';
  const hint = name !== undefined && Object.hasOwn(hints, name) ? `; ${hints[name]}` : '';
  const text = `${about}: ${name === undefined ? '' : `${name}, `}${said}${hint}`;
  return new AcmeError(text, { ...(name !== undefined && { type: name }), retryAfterMs });
};

/** A member of an answer that has to be an address by HTTPS. */
export const urlIn = (answer: unknown, name: string): string => {
  const url = isObject(answer) ? answer[name] : undefined;
  if (typeof url === 'string' && URL.parse(url)?.protocol === 'https:') return url;
  throw new AcmeError(`the answer of the authority has no '${name}'`);
};
