import { makeJoin } from './makeJoin.ts';
import { makeKnock } from './makeKnock.ts';
import { makeLeave } from './makeLeave.ts';
import { sendInviteV1 } from './sendInviteV1.ts';
import { sendInviteV2 } from './sendInviteV2.ts';
import { sendJoinV2 } from './sendJoinV2.ts';
import { sendKnock } from './sendKnock.ts';
import { sendLeaveV2 } from './sendLeaveV2.ts';

export const membershipHandlers = {
  makeJoin,
  makeKnock,
  makeLeave,
  sendInviteV1,
  sendInviteV2,
  sendJoinV2,
  sendKnock,
  sendLeaveV2,
};
