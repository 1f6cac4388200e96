import { isObject } from '@candor/federation';
import { limits } from '@candor/spec';
import {
  type AccountKey,
  bindExternalAccount,
  type JwsHeader,
  signRequest,
} from './account-key.ts';
import { AcmeError } from './acme-error.ts';
import type { AcmeAnswer, AcmeDirectory, AcmeWeb } from './acme-web.ts';
import { problemError, retryAfterMsOf } from './read-answer.ts';

/** Signed requests of one account at one authority. */
export type AcmeSession = {
  /** Of the account's key, which challenges are answered with. */
  readonly thumbprint: string;
  readonly directory: AcmeDirectory;
  /** Without a payload it reads. Throws an `AcmeError` for a refusal, a `PeerError` without an answer. */
  post(url: string, payload?: object): Promise<AcmeAnswer>;
};

export type SessionOptions = {
  readonly web: AcmeWeb;
  readonly directory: AcmeDirectory;
  readonly key: AccountKey;
  readonly email: string | undefined;
  readonly externalAccount: { readonly keyId: string; readonly hmacKey: string } | undefined;
  readonly now: () => number;
};

type SignedPost = (url: string, by: JwsHeader, payload?: object) => Promise<AcmeAnswer>;

/** Signs with a fresh nonce each time, and again when the authority does not take the nonce. */
// https://www.rfc-editor.org/rfc/rfc8555#section-6.5
const createSigner = ({ web, directory, key, now }: SessionOptions): SignedPost => {
  let nonce: string | undefined;
  const keepNonce = ({ headers }: AcmeAnswer) => {
    nonce = [headers['replay-nonce']].flat()[0];
  };
  const takeNonce = async (): Promise<string> => {
    if (nonce === undefined) keepNonce(await web.get(directory.newNonce));
    const taken = nonce;
    nonce = undefined;
    if (taken === undefined) throw new AcmeError('the authority gives no nonce');
    return taken;
  };
  return async (url, by, payload) => {
    for (let tried = 1; ; tried += 1) {
      const header = { ...by, url, nonce: await takeNonce() };
      const answer = await web.post(url, signRequest(key, header, payload));
      keepNonce(answer);
      const { status, headers, body } = answer;
      if (status >= 200 && status < 300) return answer;
      const about = `the authority answers with status ${status}`;
      const error = problemError(about, body, retryAfterMsOf(headers, now()));
      if (error.type !== 'badNonce' || tried >= limits.acmeNoncesTriedMax) throw error;
    }
  };
};

/** Makes the account, or finds the one that this key has; answers its URL. */
// https://www.rfc-editor.org/rfc/rfc8555#section-7.3
const openAccount = async (options: SessionOptions, post: SignedPost): Promise<string> => {
  const { directory, key, email, externalAccount } = options;
  const contact = email === undefined ? [] : [`mailto:${email}`];
  const payload = {
    termsOfServiceAgreed: true,
    contact,
    ...(externalAccount && {
      externalAccountBinding: bindExternalAccount(key, externalAccount, directory.newAccount),
    }),
  };
  const answer = await post(directory.newAccount, { jwk: key.jwk }, payload);
  const url = [answer.headers['location']].flat()[0];
  if (url === undefined) throw new AcmeError('the authority does not name the account');
  const known = isObject(answer.body) ? answer.body['contact'] : undefined;
  // Some authorities keep no addresses and never show one.
  if (Array.isArray(known) && known.join() !== contact.join())
    await post(url, { kid: url }, { contact });
  return url;
};

/** Opens the account of the key, with the terms of service agreed. */
export const openAcmeSession = async (options: SessionOptions): Promise<AcmeSession> => {
  const post = createSigner(options);
  const kid = await openAccount(options, post);
  return {
    thumbprint: options.key.thumbprint,
    directory: options.directory,
    post: (url, payload) => post(url, { kid }, payload),
  };
};
