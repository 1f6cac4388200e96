/** The database cannot be reached, or went away before it answered: worth trying again in a moment. */
export class DatabaseUnavailable extends Error {
  constructor(cause: unknown) {
    super('the database is unavailable', { cause });
    this.name = 'DatabaseUnavailable';
  }
}

const systemCodes = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOENT', 'EPIPE', 'ETIMEDOUT']);

// https://www.postgresql.org/docs/current/errcodes-appendix.html
// Class 53 is a full disk and the like: it ends when the operator has made room.
const isUnavailableState = (code: string): boolean =>
  code.startsWith('08') || code.startsWith('57P') || code.startsWith('53');

// pg gives these no code.
const connectionTexts =
  /^(Connection terminated|timeout exceeded when trying to connect|Client (has encountered a connection error|was closed) and is not queryable)/;

/** Whether an error of any query says that the database is away, and not that the query was wrong. */
export const isDatabaseUnavailable = (error: unknown): boolean => {
  if (!(error instanceof Error)) return false;
  if (error instanceof DatabaseUnavailable || connectionTexts.test(error.message)) return true;
  // A session that PostgreSQL ends or does not begin.
  if ('severity' in error && error.severity === 'FATAL') return true;
  const code = 'code' in error ? error.code : undefined;
  return typeof code === 'string' && (systemCodes.has(code) || isUnavailableState(code));
};
