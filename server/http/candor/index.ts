import { candorHealth } from './candorHealth.ts';
import { candorMetrics } from './candorMetrics.ts';
import { candorReady } from './candorReady.ts';
import { candorRegisterNonce } from './candorRegisterNonce.ts';
import { candorRegisterWithSharedSecret } from './candorRegisterWithSharedSecret.ts';
import { candorSyncSocket } from './candorSyncSocket.ts';

/** Operations of our own. */
export const candorHandlers = {
  candorHealth,
  candorMetrics,
  candorReady,
  candorRegisterNonce,
  candorRegisterWithSharedSecret,
  candorSyncSocket,
};
