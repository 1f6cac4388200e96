import { accountHandlers } from './account/index.ts';
import { accountDataHandlers } from './account-data/index.ts';
import { capabilityHandlers } from './capabilities/index.ts';
import { deviceHandlers } from './devices/index.ts';
import { directoryHandlers } from './directory/index.ts';
import { filterHandlers } from './filter/index.ts';
import { keyBackupHandlers } from './key-backup/index.ts';
import { keyHandlers } from './keys/index.ts';
import { mediaHandlers } from './media/index.ts';
import { presenceHandlers } from './presence/index.ts';
import { profileHandlers } from './profile/index.ts';
import { pushRuleHandlers } from './push-rules/index.ts';
import { pusherHandlers } from './pushers/index.ts';
import { receiptHandlers } from './receipts/index.ts';
import { relationHandlers } from './relations/index.ts';
import { reportHandlers } from './reports/index.ts';
import { roomHandlers } from './rooms/index.ts';
import { serverHandlers } from './server/index.ts';
import { sessionHandlers } from './session/index.ts';
import { spaceHandlers } from './spaces/index.ts';
import { syncHandlers } from './sync/index.ts';
import { toDeviceHandlers } from './to-device/index.ts';
import { typingHandlers } from './typing/index.ts';
import { userHandlers } from './users/index.ts';

/** Every client-server operation that is served: one line per module of the specification. */
export const clientHandlers = {
  ...accountDataHandlers,
  ...accountHandlers,
  ...capabilityHandlers,
  ...deviceHandlers,
  ...directoryHandlers,
  ...filterHandlers,
  ...keyBackupHandlers,
  ...keyHandlers,
  ...mediaHandlers,
  ...presenceHandlers,
  ...profileHandlers,
  ...pushRuleHandlers,
  ...pusherHandlers,
  ...relationHandlers,
  ...reportHandlers,
  ...receiptHandlers,
  ...roomHandlers,
  ...serverHandlers,
  ...sessionHandlers,
  ...spaceHandlers,
  ...syncHandlers,
  ...toDeviceHandlers,
  ...typingHandlers,
  ...userHandlers,
};
