import type { clientServer } from '@candor/spec';
import { changeProfile } from '../../../accounts/change-profile.ts';
import type { Handler } from '../../handler.ts';
import { refuseOtherUser } from '../../refuse-other-user.ts';

export const deleteProfileField: Handler<typeof clientServer.deleteProfileField> = async (
  context,
  { params, caller },
) => {
  refuseOtherUser(caller, params.userId);
  const { userId, keyName: name } = params;
  await changeProfile(context, { userId, name, value: undefined });
  return {};
};
