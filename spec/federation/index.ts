export * from './events.ts';
export * from './keys.ts';
export * from './media.ts';
export * from './membership.ts';
export * from './queries.ts';
export * from './server.ts';
export * from './server-keys.ts';
export * from './transactions.ts';
