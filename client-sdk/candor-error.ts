export type CandorErrorCode =
  /** The room is not encrypted with our algorithms: nothing is sent into it. */
  | 'not-encrypted'
  | 'foreign-encryption'
  /** The room is encrypted, and this would have gone into it in clear. */
  | 'must-be-encrypted'
  /** A reader's identity changed: acknowledge or verify it first. */
  | 'identity-changed'
  /** This device is not signed by its user yet: import the identity first. */
  | 'own-device-not-signed'
  /** The other user of a direct room is not in it. */
  | 'nobody-there'
  /** None of their devices is one that messages are encrypted to: it has to be signed by its user first. */
  | 'no-devices'
  /** Their server does not tell their devices at the moment; it is tried again. */
  | 'devices-unknown'
  /** Their server has no key to begin with at the moment; it is tried again. */
  | 'no-one-time-key'
  /** The user has no recovery yet, has one already, or it was not unlocked on this device. */
  | 'no-recovery'
  | 'recovery-exists'
  | 'recovery-locked'
  | 'wrong-recovery-key'
  /** This device did not verify its own user's identity: only the server vouches for it. */
  | 'identity-not-verified'
  /** The signing keys in the recovery are not those of the identity that the server shows. */
  | 'identity-differs'
  /** Another program backs up keys in this account, which allows one backup at a time. */
  | 'foreign-backup'
  /** The archive on the server is not the one this user's devices made. */
  | 'archive-not-trusted'
  | 'archive-off'
  | 'not-in-room'
  | 'wrong-account'
  | 'no-account'
  | 'insecure-homeserver'
  | 'malformed-answer'
  | 'not-a-file'
  /** The homeserver takes no file of this size. */
  | 'file-too-large'
  | 'stopped';

/** Why the SDK itself refused something; what the homeserver refused is a `RequestError`. */
export class CandorError extends Error {
  readonly code: CandorErrorCode;
  /** The users it is about, of what is about users. */
  readonly userIds: readonly string[];

  constructor(code: CandorErrorCode, text: string, userIds: readonly string[] = []) {
    super(text);
    this.name = 'CandorError';
    this.code = code;
    this.userIds = userIds;
  }
}
