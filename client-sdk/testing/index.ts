export { recoveryKey } from '../secrets/recovery-key.ts';
export { forgeGroupMessage } from './forge-group-message.ts';
export { largeGroup, type Measure } from './large-group.ts';
export { type PrivateKey, privateKeysOf } from './private-keys.ts';
export { openStolenDevice } from './stolen-device.ts';
