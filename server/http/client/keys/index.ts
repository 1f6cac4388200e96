import { claimKeys } from './claimKeys.ts';
import { getKeysChanges } from './getKeysChanges.ts';
import { queryKeys } from './queryKeys.ts';
import { uploadCrossSigningKeys } from './uploadCrossSigningKeys.ts';
import { uploadCrossSigningSignatures } from './uploadCrossSigningSignatures.ts';
import { uploadKeys } from './uploadKeys.ts';

export const keyHandlers = {
  claimKeys,
  getKeysChanges,
  queryKeys,
  uploadCrossSigningKeys,
  uploadCrossSigningSignatures,
  uploadKeys,
};
