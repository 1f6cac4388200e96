import { syncResponse } from '../client-server/sync-response.ts';
import { operation } from '../operation.ts';

/** The wire format is in `spec/documents/websocket-sync.md`. */
export const candorSyncSocket = operation({
  id: 'candorSyncSocket',
  method: 'GET',
  path: '/_matrix/client/unstable/dev.candor.ws/sync',
  summary: 'Opens a WebSocket on which the bodies of `/sync` are pushed.',
  auth: 'accessToken',
  upgrade: 'websocket',
  response: syncResponse,
});
