/** Whether a query failed because a text in it has a NUL character, which PostgreSQL cannot keep. */
// https://www.postgresql.org/docs/current/errcodes-appendix.html
export const isUnstorableText = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === '22021' || error.code === '22P05');
