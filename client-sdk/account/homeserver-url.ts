import { clientServer } from '@candor/spec';
import { sendRequest } from '../api/request.ts';
import { CandorError } from '../candor-error.ts';
import { memberOf } from '../signal/member-of.ts';

const loopback = ['localhost', '127.0.0.1', '[::1]'];

/** A base URL without its last slash. Plain HTTP is for loopback only: a token would cross the network readable. */
const checked = (text: string): string => {
  const url = new URL(text);
  const isSafe = url.protocol === 'https:' || loopback.includes(url.hostname);
  if (!isSafe || !/^https?:$/.test(url.protocol)) {
    throw new CandorError('insecure-homeserver', `${url.origin} is not reached by HTTPS`);
  }
  return (url.origin + url.pathname).replace(/\/+$/, '');
};

/** The base URL of a homeserver given by its URL, or by its name and its well-known file. */
// https://spec.matrix.org/v1.19/client-server-api/#server-discovery
export const homeserverUrl = async (homeserver: string): Promise<string> => {
  if (homeserver.includes('://')) return checked(homeserver);
  const named = `https://${homeserver}`;
  const file = await sendRequest(named, { operation: clientServer.getWellknown }).catch(() => null);
  const url = memberOf(memberOf(file, 'm.homeserver'), 'base_url');
  return checked(typeof url === 'string' ? url : named);
};
