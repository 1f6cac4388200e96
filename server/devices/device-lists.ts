import type { PeerClient } from '@candor/federation/transport';
import type { Logger } from '../log.ts';
import type { Database } from '../storage/database.ts';
import { DeviceListResync } from './device-list-resync.ts';
import { RemoteKeys } from './remote-keys.ts';

/** What is known here of the devices of users of other servers, and how it is kept up to date. */
export type DeviceLists = {
  readonly remote: RemoteKeys;
  readonly resync: DeviceListResync;
};

/** Begins with the lists that were stale when the server stopped. */
export const startDeviceLists = async (
  db: Database,
  client: PeerClient,
  log: Logger,
): Promise<DeviceLists> => {
  const resync = new DeviceListResync(db, client, log);
  await resync.start();
  return { remote: new RemoteKeys(db, client, log), resync };
};
