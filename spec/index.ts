export * as clientServer from './client-server/index.ts';
export { type ErrorCode, errorStatus, MatrixError, type MatrixErrorOptions } from './errors.ts';
export * from './identifiers.ts';
export { limits } from './limits.ts';
export * from './operation.ts';
