import type { Device } from '../../../storage/devices.ts';

/** A device as its owner sees it. */
export const deviceAnswer = (device: Device) => ({
  device_id: device.deviceId,
  display_name: device.displayName,
  last_seen_ip: device.lastSeenAddress,
  last_seen_ts: device.lastSeenAt,
});
