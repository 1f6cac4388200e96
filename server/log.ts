import { type DestinationStream, type Logger, pino } from 'pino';

export type { Logger };

export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

const redacted = '[redacted]';
const depthMax = 8;

/** Field names, lower case without `_` and `-`, whose values never reach a log. */
const secretFields: ReadonlySet<string> = new Set([
  'accesstoken',
  'authorization',
  'body',
  'ciphertext',
  'content',
  'cookie',
  'databaseurl',
  'loginform',
  'mac',
  'newpassword',
  'nonce',
  'password',
  'passwordhash',
  'privatekey',
  'recoverykey',
  'refreshtoken',
  'registrationtoken',
  'secret',
  'seed',
  'setcookie',
  'sharedsecret',
  'signingkey',
  'token',
]);

const isSecretField = (name: string): boolean =>
  secretFields.has(name.toLowerCase().replaceAll(/[_-]/g, ''));

/** Secrets inside a written line: in a query string, an Authorization header, a database URL. */
const redactText = (text: string): string =>
  text
    .replaceAll(/((?:access|login|refresh)_?token=)[^&#"\\\s]+/gi, `$1${redacted}`)
    .replaceAll(/\b(Bearer )[^"\\\s]+|(\bsig=\\?")[^"\\]+/g, `$1$2${redacted}`)
    .replaceAll(/(\w+:\/\/[^\s:/@"]*:)[^\s/@"]+@/g, `$1${redacted}@`);

const describeError = (error: Error, depth = 0): Record<string, unknown> => ({
  type: error.name,
  message: error.message,
  // Other fields are left out on purpose: PostgreSQL puts row values into `detail` and `where`.
  ...('code' in error && { code: error.code }),
  ...('constraint' in error && { constraint: error.constraint }),
  stack: error.stack,
  ...(error.cause instanceof Error &&
    depth < depthMax && { cause: describeError(error.cause, depth + 1) }),
});

const redactValue = (value: unknown, depth: number): unknown => {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Error) return describeError(value);
  if (depth >= depthMax || ArrayBuffer.isView(value)) return '[left out]';
  if (Array.isArray(value)) return value.map((item) => redactValue(item, depth + 1));
  return redactFields(value, depth + 1);
};

const redactFields = (fields: object, depth = 0): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      isSecretField(name) ? redacted : redactValue(value, depth),
    ]),
  );

export type LogOptions = {
  readonly level: LogLevel;
  /** Where the JSON lines go; standard output by default. */
  readonly destination?: DestinationStream;
};

/**
 * The root of all logs, one JSON object a line. Parts of the server take `log.child({ part: 'name' })`.
 * `error` is kept for our own bugs; what the world does wrong is `warn` at most.
 */
export const createLog = ({ level, destination }: LogOptions): Logger => {
  const log = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: {
        level: (label) => ({ level: label }),
        log: (fields) => redactFields(fields),
      },
      serializers: { err: (error: unknown) => error },
      hooks: { streamWrite: redactText },
    },
    destination ?? pino.destination({ dest: 1, sync: true }),
  );
  // pino formats the fields of a child by no formatter; children of children inherit this one.
  const child: Logger['child'] = log.child;
  log.child = function (this: Logger, fields, options) {
    return child.call(this, redactFields(fields), options);
  } as Logger['child'];
  return log;
};
