import type { federation } from '@candor/spec';
import { acceptInvite } from '../../../peers/accept-invite.ts';
import { Answer } from '../../answer.ts';
import type { Handler } from '../../handler.ts';

export const sendInviteV2: Handler<typeof federation.sendInviteV2> = async (
  context,
  { origin, params, body },
) => {
  const { room_version: roomVersion, event: pdu, invite_room_state: shown = [] } = body;
  const event = await acceptInvite(context, origin, { ...params, roomVersion, pdu, shown });
  return new Answer({ body: JSON.stringify({ event }) });
};
