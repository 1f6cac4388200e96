export * from './monitoring.ts';
export * from './shared-secret.ts';
export * from './sync-socket.ts';
