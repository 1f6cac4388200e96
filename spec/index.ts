export { type ErrorCode, errorStatus, MatrixError, type MatrixErrorOptions } from './errors.ts';
export * from './identifiers.ts';
export { limits } from './limits.ts';
export * from './operation.ts';
