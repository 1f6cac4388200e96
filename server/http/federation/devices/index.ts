import { claimUserEncryptionKeys } from './claimUserEncryptionKeys.ts';
import { getUserDevices } from './getUserDevices.ts';
import { queryUserEncryptionKeys } from './queryUserEncryptionKeys.ts';

export const deviceHandlers = { claimUserEncryptionKeys, getUserDevices, queryUserEncryptionKeys };
