type Details = { readonly type?: string; readonly retryAfterMs?: number | undefined };

/** What an authority refuses, or says against the protocol; the message is for the operator. */
export class AcmeError extends Error {
  /** The last part of `urn:ietf:params:acme:error:…`, where the authority gave one. */
  readonly type: string | undefined;
  /** How long the authority asks us to stay away. */
  readonly retryAfterMs: number | undefined;

  constructor(text: string, { type, retryAfterMs }: Details = {}) {
    super(text);
    this.name = 'AcmeError';
    this.type = type;
    this.retryAfterMs = retryAfterMs;
  }
}
