import { makeJoin } from './makeJoin.ts';
import { makeKnock } from './makeKnock.ts';
import { makeLeave } from './makeLeave.ts';
import { sendJoinV2 } from './sendJoinV2.ts';
import { sendKnock } from './sendKnock.ts';
import { sendLeaveV2 } from './sendLeaveV2.ts';

export const membershipHandlers = {
  makeJoin,
  makeKnock,
  makeLeave,
  sendJoinV2,
  sendKnock,
  sendLeaveV2,
};
