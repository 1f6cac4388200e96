/** Every limit in one place, with its unit in its name. */
export const limits = {
  // https://spec.matrix.org/v1.19/client-server-api/#size-limits
  eventBytesMax: 65_536,
  identifierBytesMax: 255,
  // https://spec.matrix.org/v1.19/appendices/#server-name
  serverNameBytesMax: 230,
  jsonDepthMax: 64,
  // https://spec.matrix.org/v1.19/server-server-api/#transactions
  transactionPdusMax: 50,
  transactionEdusMax: 100,
  // https://spec.matrix.org/v1.19/server-server-api/#pdus
  prevEventsMax: 20,
  authEventsMax: 10,
  depthMax: Number.MAX_SAFE_INTEGER,

  requestBodyBytesMax: 1_048_576,
  keysBodyBytesMax: 8_388_608,
  mediaUploadBytesMax: 52_428_800,
  transactionBodyBytesMax: 16_777_216,
  headersBytesMax: 32_768,

  timelineEventsDefault: 10,
  timelineEventsMax: 1_000,
  syncTimeoutMsMax: 180_000,
  toDeviceMessagesPerSyncMax: 100,
  messagesPerPageMax: 1_000,

  persistBatchEventsMax: 200,
  persistBatchWaitMs: 2,
  notifyCoalesceMs: 5,
  notifierChangesMax: 20_000,

  missingEventsMax: 100,
  missingEventsRoundsMax: 10,
  authChainEventsMax: 20_000,
  backfillEventsMax: 100,

  peerConnectTimeoutMs: 10_000,
  peerRequestTimeoutMs: 60_000,
  peerResponseBytesMax: 268_435_456,
  wellKnownBytesMax: 51_200,
  wellKnownRedirectsMax: 5,
  backoffMsMin: 500,
  backoffMsMax: 3_600_000,

  passwordLengthMax: 4_096,
  accessTokenLifetimeMs: 3_600_000,
  typingTimeoutMsMax: 120_000,
  presenceIdleMs: 300_000,
} as const;
