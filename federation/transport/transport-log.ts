/** The part of a logger that transport uses; pino's fits. */
export type TransportLog = {
  debug(fields: object, text: string): void;
  warn(fields: object, text: string): void;
};
