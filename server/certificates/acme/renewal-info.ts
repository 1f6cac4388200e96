import type { X509Certificate } from 'node:crypto';
import { isObject } from '@candor/federation';
import { limits } from '@candor/spec';
import type { AcmeDirectory, AcmeWeb } from './acme-web.ts';
import { problemError, retryAfterMsOf } from './read-answer.ts';

/** When the authority would have a certificate renewed, in milliseconds since the epoch. */
export type RenewalInfo = {
  readonly start: number;
  readonly end: number;
  /** When to ask again. */
  readonly askAgainAt: number;
};

// The object identifier 2.5.29.35 and, in DER, what surrounds a key identifier of less than 128 bytes.
const authorityKeyIdentifier = Buffer.from('0603551d23', 'hex');
const keyIdentifierOffset = authorityKeyIdentifier.length + 6;

/** How an authority names a certificate of its own; undefined for one without the identifier of its issuer's key. */
// https://www.rfc-editor.org/rfc/rfc9773#section-4.1
export const certificateId = ({ raw, serialNumber }: X509Certificate): string | undefined => {
  const at = raw.indexOf(authorityKeyIdentifier);
  const start = at + keyIdentifierOffset;
  if (at < 0 || raw[start - 2] !== 0x80) return undefined;
  const keyIdentifier = raw.subarray(start, start + (raw[start - 1] ?? 0));
  const serial = Buffer.from(serialNumber, 'hex');
  // In DER a positive integer does not begin with a bit that is set.
  const sign = (serial[0] ?? 0) >= 0x80 ? [Buffer.from([0])] : [];
  const encoded = Buffer.concat([...sign, serial]).toString('base64url');
  return `${keyIdentifier.toString('base64url')}.${encoded}`;
};

const timeIn = (window: unknown, name: string): number => {
  const text = isObject(window) ? window[name] : undefined;
  return typeof text === 'string' ? Date.parse(text) : Number.NaN;
};

/** What the authority says of a certificate; undefined where it says nothing. Throws for a refusal. */
// https://www.rfc-editor.org/rfc/rfc9773#section-4.2
export const readRenewalInfo = async (
  web: AcmeWeb,
  { renewalInfo }: AcmeDirectory,
  certificate: X509Certificate,
  now: number,
): Promise<RenewalInfo | undefined> => {
  const id = certificateId(certificate);
  if (renewalInfo === undefined || id === undefined) return undefined;
  const { status, headers, body } = await web.get(`${renewalInfo}/${id}`);
  if (status !== 200) throw problemError(`status ${status}`, body);
  const window = isObject(body) ? body['suggestedWindow'] : undefined;
  const [start, end] = [timeIn(window, 'start'), timeIn(window, 'end')];
  if (!(start <= end)) return undefined;
  const pauseMs = retryAfterMsOf(headers, now) ?? limits.renewalInfoMsDefault;
  const boundedMs = Math.max(pauseMs, limits.renewalInfoMsMin);
  return { start, end, askAgainAt: now + Math.min(boundedMs, limits.renewalInfoMsMax) };
};
