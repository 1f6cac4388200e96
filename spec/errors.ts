/** Error codes on the wire, each with the HTTP status it goes with unless a handler says otherwise. */
// https://spec.matrix.org/v1.19/client-server-api/#standard-error-response
export const errorStatus = {
  M_FORBIDDEN: 403,
  M_UNKNOWN_TOKEN: 401,
  M_MISSING_TOKEN: 401,
  M_USER_LOCKED: 401,
  M_USER_SUSPENDED: 403,
  M_BAD_JSON: 400,
  M_NOT_JSON: 400,
  M_NOT_FOUND: 404,
  M_LIMIT_EXCEEDED: 429,
  M_UNRECOGNIZED: 404,
  M_UNKNOWN: 500,
  M_UNAUTHORIZED: 401,
  M_USER_DEACTIVATED: 403,
  M_USER_IN_USE: 400,
  M_USER_LIMIT_EXCEEDED: 400,
  M_INVALID_USERNAME: 400,
  M_ROOM_IN_USE: 400,
  M_INVALID_ROOM_STATE: 400,
  M_THREEPID_DENIED: 403,
  M_UNSUPPORTED_ROOM_VERSION: 400,
  M_INCOMPATIBLE_ROOM_VERSION: 400,
  M_BAD_STATE: 400,
  M_GUEST_ACCESS_FORBIDDEN: 403,
  M_MISSING_PARAM: 400,
  M_INVALID_PARAM: 400,
  M_TOO_LARGE: 413,
  M_KEY_TOO_LARGE: 400,
  M_PROFILE_TOO_LARGE: 400,
  M_EXCLUSIVE: 400,
  M_RESOURCE_LIMIT_EXCEEDED: 400,
  M_CANNOT_LEAVE_SERVER_NOTICE_ROOM: 403,
  M_WEAK_PASSWORD: 400,
  M_INVALID_SIGNATURE: 400,
  M_DUPLICATE_ANNOTATION: 400,
  M_NOT_YET_UPLOADED: 504,
  M_CANNOT_OVERWRITE_MEDIA: 409,
  M_WRONG_ROOM_KEYS_VERSION: 403,
  M_UNKNOWN_DEVICE: 400,
  M_INVITE_BLOCKED: 403,
  M_BAD_ALIAS: 400,
  M_UNABLE_TO_AUTHORISE_JOIN: 400,
  M_UNABLE_TO_GRANT_JOIN: 403,
  M_CONNECTION_FAILED: 502,
  M_CONNECTION_TIMEOUT: 504,
} as const;

export type ErrorCode = keyof typeof errorStatus;

export type MatrixErrorOptions = {
  /** HTTP status when it differs from the code's own. */
  readonly status?: number;
  /** Further fields of the answer, such as `soft_logout` or `retry_after_ms`. */
  readonly fields?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
};

/** What a request is refused with; `server/http/write-error.ts` alone turns it into an answer. */
export class MatrixError extends Error {
  readonly errcode: ErrorCode;
  readonly status: number;
  readonly fields: Readonly<Record<string, unknown>>;

  constructor(errcode: ErrorCode, text: string, options: MatrixErrorOptions = {}) {
    super(text, { cause: options.cause });
    this.name = 'MatrixError';
    this.errcode = errcode;
    this.status = options.status ?? errorStatus[errcode];
    this.fields = options.fields ?? {};
  }
}
