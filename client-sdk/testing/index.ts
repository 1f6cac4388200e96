export { type PrivateKey, privateKeysOf } from './private-keys.ts';
