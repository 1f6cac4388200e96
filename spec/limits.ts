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
  peerErrorBytesMax: 65_536,
  peerConnectionsMax: 4,
  peerKeepAliveMs: 30_000,
  peersConnectedMax: 2_000,
  authorizationHeadersMax: 8,
  // https://spec.matrix.org/v1.19/server-server-api/#resolving-server-names
  wellKnownBytesMax: 51_200,
  wellKnownRedirectsMax: 5,
  wellKnownTimeoutMs: 10_000,
  wellKnownCacheMsDefault: 86_400_000,
  wellKnownCacheMsMin: 300_000,
  wellKnownCacheMsMax: 172_800_000,
  wellKnownErrorCacheMsMin: 60_000,
  wellKnownErrorCacheMsMax: 3_600_000,
  srvCacheMs: 300_000,
  discoveryCacheEntriesMax: 20_000,
  // https://spec.matrix.org/v1.19/server-server-api/#retrieving-server-keys
  keyValidityMsMax: 604_800_000,
  keyFetchTimeoutMs: 10_000,
  keyDocumentBytesMax: 262_144,
  keyRefetchMsMin: 30_000,
  keyRefetchMsMax: 3_600_000,
  keysPerServerMax: 100,
  keyRingServersMax: 10_000,
  backoffMsMin: 500,
  backoffMsMax: 3_600_000,
  senderDialsMax: 20,
  catchUpAfterMs: 3_600_000,
  contactRetryMsMin: 60_000,
  ephemeralEduAgeMsMax: 30_000,

  passwordLengthMax: 4_096,
  accessTokenLifetimeMs: 3_600_000,
  typingTimeoutMsMax: 120_000,
  presenceIdleMs: 300_000,
} as const;
