/** The names this protocol has on the wire. */
export const signalNames = {
  pairwise: 'dev.candor.signal.pqxdh.v1',
  group: 'dev.candor.signal.senderkey.v1',
  bundle: 'dev.candor.signal.bundle',
  /** In `device_keys.keys`, followed by the device id. */
  identityKeyPrefix: 'dev.candor.signal.identity:',
  encryptedEvent: 'm.room.encrypted',
  // Types of encrypted to-device messages.
  distribution: 'dev.candor.signal.distribution',
  part: 'dev.candor.signal.part',
  retryRequest: 'dev.candor.signal.retry_request',
  resend: 'dev.candor.signal.resend',
} as const;
