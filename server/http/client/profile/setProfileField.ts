import { type clientServer, MatrixError } from '@candor/spec';
import { changeProfile } from '../../../accounts/change-profile.ts';
import type { Handler } from '../../handler.ts';
import { refuseOtherUser } from '../../refuse-other-user.ts';

export const setProfileField: Handler<typeof clientServer.setProfileField> = async (
  context,
  { params, body, caller },
) => {
  refuseOtherUser(caller, params.userId);
  const { userId, keyName: name } = params;
  if (!Object.hasOwn(body, name)) {
    throw new MatrixError('M_MISSING_PARAM', `the body has no ${name}`);
  }
  await changeProfile(context, { userId, name, value: body[name] });
  return {};
};
