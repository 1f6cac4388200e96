import type { clientServer } from '@candor/spec';
import { authenticateInteractively } from '../../../accounts/authenticate-interactively.ts';
import {
  checkCrossSigningUpload,
  writeCrossSigningUpload,
} from '../../../devices/cross-signing-upload.ts';
import type { Handler } from '../../handler.ts';

export const uploadCrossSigningKeys: Handler<typeof clientServer.uploadCrossSigningKeys> = async (
  context,
  { caller, body, address },
) => {
  const { userId } = caller;
  const upload = await checkCrossSigningUpload(context, userId, body);
  if (upload.needsAuthentication) {
    await authenticateInteractively(context, {
      operationId: 'uploadCrossSigningKeys',
      userId,
      parameters: body,
      auth: body.auth,
      flows: [['m.login.password']],
      address,
    });
  }
  await writeCrossSigningUpload(context, userId, upload);
  return {};
};
