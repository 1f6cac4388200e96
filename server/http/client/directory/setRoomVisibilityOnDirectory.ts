import type { clientServer } from '@candor/spec';
import { setVisibility } from '../../../rooms/set-visibility.ts';
import type { Handler } from '../../handler.ts';

export const setRoomVisibilityOnDirectory: Handler<
  typeof clientServer.setRoomVisibilityOnDirectory
> = async (context, { params, body, caller }) => {
  const isPublic = (body.visibility ?? 'public') === 'public';
  await setVisibility(context, params.roomId, isPublic, caller);
  return {};
};
