export type CandorErrorCode =
  /** The room is not encrypted with our algorithms: nothing is sent into it. */
  | 'not-encrypted'
  | 'foreign-encryption'
  /** A reader's identity changed: acknowledge or verify it first. */
  | 'identity-changed'
  /** This device is not signed by its user yet: import the identity first. */
  | 'own-device-not-signed'
  /** The other user of a direct room is not in it. */
  | 'nobody-there'
  /** None of their devices is one that messages are encrypted to. */
  | 'no-devices'
  /** Their server has no key to begin with at the moment; it is tried again. */
  | 'no-one-time-key'
  | 'not-in-room'
  | 'wrong-account'
  | 'no-account'
  | 'insecure-homeserver'
  | 'malformed-answer'
  | 'not-a-file'
  | 'stopped';

/** Why the SDK itself refused something; what the homeserver refused is a `RequestError`. */
export class CandorError extends Error {
  readonly code: CandorErrorCode;
  /** The users it is about, of `identity-changed`. */
  readonly userIds: readonly string[];

  constructor(code: CandorErrorCode, text: string, userIds: readonly string[] = []) {
    super(text);
    this.name = 'CandorError';
    this.code = code;
    this.userIds = userIds;
  }
}
