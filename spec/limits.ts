/** Every limit in one place, with its unit in its name. */
export const limits = {
  // https://spec.matrix.org/v1.19/client-server-api/#size-limits
  eventBytesMax: 65_536,
  identifierBytesMax: 255,
  // https://spec.matrix.org/v1.19/appendices/#server-name
  serverNameBytesMax: 230,
  jsonDepthMax: 64,
  // An event travels inside requests and answers, which must stay below `jsonDepthMax` too.
  eventJsonDepthMax: 56,
  // https://spec.matrix.org/v1.19/server-server-api/#transactions
  transactionPdusMax: 50,
  transactionEdusMax: 100,
  // https://spec.matrix.org/v1.19/server-server-api/#pdus
  prevEventsMax: 20,
  authEventsMax: 10,
  depthMax: Number.MAX_SAFE_INTEGER,
  // Each pair costs a signature check, and a third-party invite could list hundreds of both.
  thirdPartyInviteKeysMax: 16,
  thirdPartyInviteSignaturesMax: 16,

  unreadBodyBytesMax: 65_536,
  // Of a larger one that was refused: so much is read for the client to see the refusal.
  lingeringBytesMax: 67_108_864,
  lingeringMsMax: 5_000,
  requestBodyBytesMax: 1_048_576,
  keysBodyBytesMax: 8_388_608,
  mediaUploadBytesMax: 52_428_800,
  transactionBodyBytesMax: 16_777_216,
  // Deeper than any homeserver takes from its users: who sends too deep an event must not keep back those of others.
  transactionDepthMax: 20_000,
  headersBytesMax: 32_768,
  headersCountMax: 200,
  /** Of the path of a request that no operation answers. */
  loggedPathLengthMax: 200,
  connectionsMax: 30_000,
  headersTimeoutMs: 20_000,
  requestTimeoutMs: 300_000,
  keepAliveMs: 65_000,
  // Both together stay below the ten seconds that service managers and containers wait before they kill.
  drainMsMax: 5_000,
  // Less than the health check of the image waits.
  healthTimeoutMs: 3_000,
  senderStopMsMax: 1_000,
  databaseRetryMs: 5_000,
  // Requests a caller may make at once, and how many of them come back each minute.
  rates: {
    login: { burst: 10, perMinute: 20 },
    register: { burst: 10, perMinute: 20 },
    send: { burst: 100, perMinute: 600 },
    join: { burst: 20, perMinute: 60 },
    media: { burst: 50, perMinute: 300 },
    expensive: { burst: 20, perMinute: 60 },
    ordinary: { burst: 300, perMinute: 3_000 },
  },
  // Failed logins of one account, from all addresses together.
  loginFailures: { burst: 50, perMinute: 1 },
  loginFailuresFromNetwork: { burst: 10, perMinute: 5 },
  // Of invitations that other servers send: of one server, and to one user from all of them.
  invitesFromServer: { burst: 100, perMinute: 60 },
  invitesToUser: { burst: 30, perMinute: 10 },
  rateLimitCallersMax: 50_000,

  timelineEventsDefault: 10,
  timelineEventsMax: 1_000,
  /** Gaps that a room's timeline is cut at; older ones are shown over. */
  timelineGapsPerRoomMax: 200,
  syncTimeoutMsMax: 180_000,
  syncSettleMsMax: 100,
  // Rooms of one answer that are worked at side by side, and how many such slices at once, whoever syncs.
  syncRoomsPerSlice: 32,
  syncSlicesAtOnceMax: 2,
  toDeviceMessagesPerSyncMax: 100,
  initialSyncKeptMs: 120_000,
  initialSyncsKeptBytesMax: 67_108_864,
  syncUsersInMemoryMax: 10_000,
  syncDevicesInMemoryMax: 20_000,
  /** Member events that a lazily loading session is remembered to have. */
  lazyMembersPerDeviceMax: 5_000,
  roomCountsInMemoryMax: 10_000,
  messagesPerPageMax: 1_000,
  publicRoomsPageMax: 100,
  spacePageMax: 50,
  spaceDepthMax: 20,
  spaceChildrenMax: 1_000,
  // Rooms that a walk through a space looks at, and those it asks other servers about.
  spaceRoomsMax: 1_000,
  spaceRequestsMax: 50,
  remoteSpacesMax: 500,
  remoteSpacesMs: 300_000,
  relationsPageDefault: 20,
  relationLevelsMax: 3,
  relationsBundledMax: 50,
  annotationsComparedMax: 1_000,
  aliasServersMax: 100,
  // How long an answer to an invitation waits for the invitation to be back from the user's server.
  invitationWaitMsMax: 5_000,
  // The same from the other side: pauses before who is invited and was refused asks again.
  invitedJoinDelaysMs: [200, 1_000, 3_000],
  // Asking another server for an alias, a profile or its rooms while a client waits.
  directoryTimeoutMs: 20_000,
  directoryAnswerBytesMax: 2_097_152,

  // Of the WebSocket sync; what a client sends is small.
  socketFrameBytesMax: 65_536,
  socketOpenTimeoutMs: 10_000,
  socketPingMs: 30_000,
  socketPongTimeoutMs: 30_000,
  socketsPerUserMax: 32,

  invitesPerNewRoomMax: 100,
  initialStateEventsMax: 200,

  // Below this much free space nothing more is written: a few segments of PostgreSQL's log.
  diskReserveBytes: 67_108_864,
  diskLookMs: 1_000,
  diskRetryMs: 30_000,
  /** Rows that cannot be read and that the log has named already. */
  spoiledRowsRememberedMax: 10_000,
  persistBatchEventsMax: 200,
  persistQueueItemsMax: 20_000,
  /** How often the database, once away, is asked whether it wrote what it did not answer for. */
  uncertainWritePollMs: 100,
  /** Differences between a snapshot of state and the full copy it is told from. */
  stateHopsMax: 64,
  /** Entries of current states that are read at once, when rooms are many; a larger room is read for itself. */
  stateEntriesPerReadMax: 20_000,
  snapshotsInMemoryEntriesMax: 1_000_000,
  stateKeysInMemoryMax: 200_000,
  roomsInMemoryBytesMax: 268_435_456,
  eventsInMemoryBytesMax: 134_217_728,
  eventNidsInMemoryMax: 200_000,
  /** Transaction ids remembered for idempotence: the newest of each session, for a day. */
  sentTransactionsPerDeviceMax: 1_000,
  sentTransactionSessionsMax: 2_000,
  sentTransactionAgeMsMax: 86_400_000,
  sentTransactionsPerPruneMax: 10_000,
  // Events read from the database before others have their turn.
  rowsPerTurnMax: 500,
  notifyCoalesceMs: 5,
  notifierChangesMax: 20_000,
  movedStateToldMax: 200,

  roomVersionsOfferedMax: 100,
  missingEventsMax: 100,
  authChainEventsMax: 20_000,
  authEdgesInMemoryMax: 100_000,
  resolvedStateEntriesMax: 200_000,
  /** Conflicted events with their auth chains; a larger resolution goes to a thread of its own. */
  resolvedInTurnEventsMax: 500,
  resolutionMsMax: 60_000,
  resolutionThreadIdleMs: 30_000,
  resolutionThreadMegabytesMax: 1_024,
  backfillEventsMax: 100,
  // What is asked of another server about one event of its.
  authChainRoundsMax: 20,
  eventFetchesAtOnceMax: 8,
  stateEventsFetchedSinglyMax: 200,
  stateEventsMax: 500_000,
  stateGapsPerEventMax: 20,
  // Events of an answer that are read before others have their turn.
  eventsPerTurnMax: 64,
  signaturePartsAtOnceMax: 3,
  joinServersTriedMax: 10,
  backfillServersTriedMax: 3,
  /** How often other servers are asked for one page of history; it ends at the gap that is left. */
  backfillsPerPageMax: 3,
  receivedTransactionsKeptMs: 86_400_000,
  missingServersTriedMax: 3,
  policyServerTimeoutMs: 10_000,
  policyServerSilenceMs: 60_000,
  // Of one server, running and waiting; a well-behaved one sends the next when the last is answered.
  transactionsWaitingMax: 10,
  transactionRetryMs: 5_000,
  /** How long one room may hold up the others of a transaction. */
  transactionPatienceMs: 10_000,
  /** Transactions of one server for one such room that wait on disk. */
  stagedPerRoomMax: 100,
  /** How often a peer refuses a transaction before it is sent in parts. */
  transactionRefusalsMax: 2,
  /** When an event whose predecessors could not be had is tried again. */
  lateEventDelaysMs: [2_000, 15_000, 120_000, 900_000],
  lateEventsMax: 1_000,
  unavailableEventsMax: 10_000,
  unavailableEventsMs: 600_000,
  shownStateEntriesMax: 100,
  shownStateBytesMax: 65_536,

  peerConnectTimeoutMs: 10_000,
  peerRequestTimeoutMs: 60_000,
  peerResponseBytesMax: 268_435_456,
  peerErrorBytesMax: 65_536,
  discardedBytesMax: 65_536,
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
  keyFetchesMax: 100,
  keyDocumentBytesMax: 262_144,
  keyQueryBytesMax: 16_777_216,
  keyQueryServersMax: 100,
  keyRefetchMsMin: 30_000,
  keyRefetchMsMax: 3_600_000,
  keysPerServerMax: 100,
  ownKeyValidityMs: 86_400_000,
  keyRingServersMax: 10_000,
  backoffMsMin: 500,
  backoffMsMax: 3_600_000,
  senderDialsMax: 20,
  catchUpAfterMs: 3_600_000,
  /** For a server that fails all the time. */
  outboundEdusKeptMs: 2_592_000_000,
  contactRetryMsMin: 60_000,
  ephemeralEduAgeMsMax: 30_000,
  storeRetryMs: 5_000,

  // Of one user; what is deleted counts no more.
  keyBackupsPerUserMax: 10,
  keyBackupBodyBytesMax: 16_777_216,
  keyBackupAuthDataBytesMax: 65_536,
  backedUpKeysPerBackupMax: 500_000,
  // Of all backups of a user together.
  backedUpKeysBytesMax: 1_073_741_824,
  // An archived message is nearly as large as an event.
  backedUpKeyBytesMax: 65_536,
  backedUpKeysPerPageMax: 1_000,

  // Certificates. Let's Encrypt allows five failed validations of a name in an hour.
  certificateLookMs: 60_000,
  certificateHostsMax: 100,
  acmeRequestTimeoutMs: 30_000,
  acmeAnswerBytesMax: 131_072,
  acmeNoncesTriedMax: 10,
  acmePollMsMin: 500,
  acmePollMsMax: 30_000,
  acmeOrderMsMax: 600_000,
  acmeRetryMsMin: 120_000,
  acmeRetryMsMax: 21_600_000,
  acmeRetryAfterMsMax: 604_800_000,
  // How often an authority is asked when it would have a certificate renewed.
  renewalInfoMsMin: 3_600_000,
  renewalInfoMsDefault: 21_600_000,
  renewalInfoMsMax: 86_400_000,

  deviceDisplayNameLengthMax: 256,
  deviceKeysBytesMax: 65_536,
  // As other servers tell them: 255 characters of any kind.
  deviceIdBytesMax: 1_020,
  oneTimeKeyBytesMax: 16_384,
  oneTimeKeysPerDeviceMax: 1_000,
  claimedKeyIdsKeptMs: 604_800_000,
  // Asking other servers for keys while a client waits.
  keysTimeoutMsDefault: 10_000,
  keysTimeoutMsMax: 60_000,
  keysServersAtOnceMax: 50,
  devicesPerRemoteUserMax: 5_000,
  deviceListResyncsWaitingMax: 10_000,
  // Of a device that does not come for them; it keeps the oldest, which begin its sessions, and gets no new ones.
  toDeviceMessagesPerDeviceMax: 50_000,
  toDeviceMessageBytesMax: 65_536,
  toDeviceEduBytesMax: 65_536,
  toDeviceMessageIdsKeptMs: 604_800_000,
  statusMessageLengthMax: 1_024,
  // https://spec.matrix.org/v1.19/client-server-api/#profiles
  profileBytesMax: 65_536,
  mediaFileNameLengthMax: 1_024,
  mediaPerUserBytesMax: 53_687_091_200,
  mediaCopiesBytesMax: 21_474_836_480,
  mediaReservedMs: 86_400_000,
  mediaReservedPerUserMax: 50,
  mediaTimeoutMsDefault: 20_000,
  mediaTimeoutMsMax: 60_000,
  mediaFetchTimeoutMs: 180_000,
  multipartHeaderBytesMax: 16_384,
  imagePixelsMax: 100_000_000,
  thumbnailSecondsMax: 20,
  thumbnailsAtOnceMax: 2,
  thumbnailsWaitingMax: 100,
  thumbnailRetryMs: 2_000,
  filtersPerUserMax: 1_000,
  pushRulesBytesMax: 65_536,
  pushersPerUserMax: 100,
  pusherDataBytesMax: 16_384,
  openIdTokenLifetimeMs: 3_600_000,
  usersFoundDefault: 10,
  usersFoundMax: 100,
  mutualRoomsPageMax: 500,
  profileFieldNameLengthMax: 255,
  reportReasonLengthMax: 4_096,
  passwordLengthMax: 4_096,
  accessTokenLifetimeMs: 3_600_000,
  revokedRefreshTokenKeptMs: 2_592_000_000,
  sessionsCachedMax: 100_000,
  lastSeenWriteMs: 30_000,
  lastSeenDevicesMax: 20_000,
  uiaSessionLifetimeMs: 3_600_000,
  uiaSessionsMax: 100_000,
  uiaPruneMs: 60_000,
  passwordHashesAtOnceMax: 2,
  passwordHashesWaitingMax: 100,
  passwordRetryMs: 2_000,
  passwordLengthMin: 8,
  /** Accounts in one answer to `candor admin list-users`. */
  accountPageMax: 1_000,
  controlRequestMs: 5_000,
  registrationNoncesMax: 1_000,
  registrationNonceLifetimeMs: 60_000,
  typingTimeoutMsDefault: 30_000,
  typingTimeoutMsMax: 120_000,
  remoteTypingMs: 60_000,
  typingRoomsInMemoryMax: 20_000,
  presenceIdleMs: 300_000,
  presenceOfflineMs: 30_000,
  presenceSweepMs: 10_000,
  remotePresenceMs: 1_800_000,
  presencesInMemoryMax: 50_000,
  /** Of a text that a push rule looks into. */
  pushMatchLengthMax: 4_096,
  // Counts of unread events stop at these: after a start, and when a room is never read.
  unreadEventsLookedAtMax: 100,
  unreadPerRoomMax: 200,
  unreadRoomsInMemoryMax: 20_000,
  presencesPerEduMax: 1_000,

  // The Signal engine of the SDK.
  bundlesUploadedTarget: 100,
  bundlesRefillBelow: 50,
  bundlesStoredMax: 1_000,
  // How often new ones are made at most, whatever the server says it has.
  bundlesIntervalMs: 60_000,
  fallbackKeyAgeMsMin: 3_600_000,
  signedPreKeyLifetimeMs: 604_800_000,
  replacedPreKeyKeptMs: 2_592_000_000,
  paddingStepBytes: 160,
  paddingFineBytesMax: 2_080,
  messageContentBytesMax: 36_864,
  directEventBytesMax: 60_000,
  directEventDevicesMax: 20,
  directDevicesMax: 500,
  toDeviceRequestBytesMax: 50_000,
  senderKeyMessagesMax: 100,
  senderKeyLifetimeMs: 604_800_000,
  senderKeyAnswersKeptMs: 604_800_000,
  senderKeysPerRoomDeviceMax: 1_000,
  keyRequestBackoffMs: 60_000,
  // The same for a direct message to a user of whom no device is known to send to.
  keyRequestUrgentMs: 5_000,
  retryFirstDelayMs: 3_000,
  retryAttemptsMax: 3,
  retryEventsPerRequestMax: 50,
  retryAnswersMax: 3,
  retryAnswerIntervalMs: 10_000,
  pendingToDevicePerSenderMax: 200,
  undeliveredKeptMs: 2_592_000_000,
  forgetIntervalMs: 3_600_000,
  eventLoopHoldMsMax: 8,
  // Keys of many are asked for, and written to the store, so many at a time.
  keyRequestDevicesMax: 500,
  fanOutDevicesMax: 100,
  // From so many on another thread encrypts, which ends when it had nothing to do for so long.
  fanOutThreadDevicesMin: 64,
  fanOutThreadIdleMs: 30_000,

  // The network half of the SDK.
  clientRequestTimeoutMs: 60_000,
  clientUploadTimeoutMs: 600_000,
  /** How long a sync may take that took too long before. */
  clientPatienceMsMax: 600_000,
  clientAnswerBytesMax: 268_435_456,
  clientBackoffMsMin: 500,
  clientBackoffMsMax: 30_000,
  clientRetryAfterMsMax: 3_600_000,
  clientSyncTimeoutMs: 30_000,
  clientTimelineEvents: 50,
  /** Events fetched to close a gap in a room's timeline; what is older than these is left out. */
  clientGapEventsMax: 10_000,
  /** How often a page of them is asked for that the homeserver fails to give. */
  clientGapTriesMax: 4,
  clientHistoryPageEvents: 100,
  clientSocketSilenceMsMax: 90_000,
  clientSocketCloseMsMax: 2_000,
  /** So many sockets in a row that did not last make way for long polls. */
  clientShortSocketsMax: 3,
  clientFollowUpIntervalMs: 2_000,
  clientTypingMs: 30_000,

  // Interactive verification in the SDK.
  // https://spec.matrix.org/v1.19/client-server-api/#key-verification-framework
  verificationMsMax: 600_000,
  verificationFutureMsMax: 300_000,
  verificationPromptMsMax: 120_000,
  verificationsOpenMax: 64,
  verificationsOpenPerUserMax: 8,
  verificationsKeptMax: 256,
  verificationStraysAnsweredMax: 32,
  verificationDevicesAskedMax: 100,
  verificationKeyQueryIntervalMs: 2_000,

  // Recovery and archive of the SDK.
  passphraseIterations: 500_000,
  /** More, in somebody's description of a key, would hold up the client. */
  passphraseIterationsMax: 10_000_000,
  secretRequestLifetimeMs: 600_000,
  archiveIntervalMs: 2_000,
  archiveBatchEvents: 200,
  archiveBatchBytesMax: 1_000_000,
} as const;
