import type { JsonObject } from '@candor/federation';
import type { clientServer } from '@candor/spec';
import { uploadSignatures } from '../../../devices/upload-signatures.ts';
import type { Handler } from '../../handler.ts';

export const uploadCrossSigningSignatures: Handler<
  typeof clientServer.uploadCrossSigningSignatures
> = async (context, { caller, body }) => {
  const uploads = body as Record<string, Record<string, JsonObject>>;
  const failures = await uploadSignatures(context, caller.userId, uploads);
  return {
    failures: Object.fromEntries(
      [...failures].map(([userId, refused]) => [userId, Object.fromEntries(refused)]),
    ),
  };
};
