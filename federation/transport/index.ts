export {
  type ConnectorOptions,
  createConnector,
  RefusedAddressError,
  type ResolveAddresses,
  refusedRange,
} from './address-filter.ts';
export type { PendingEdu, PendingPdu } from './build-transaction.ts';
export { createSender, type Sender, type SenderOptions } from './destination-queue.ts';
export type { Backoff, DestinationStore } from './destination-store.ts';
export {
  createServerDiscovery,
  type DiscoveredServer,
  type DiscoverServer,
  type DiscoveryOptions,
} from './discover-server.ts';
export { createWellKnownFetcher, type WellKnownOptions } from './fetch-well-known.ts';
export {
  type CertificateRequest,
  type IssuedCertificate,
  issueCertificate,
} from './issue-certificate.ts';
export { answerKeyQuery, type OwnKeyDocument, ownKeyDocument } from './key-answers.ts';
export type { StoredKey, StoredKeys } from './key-documents.ts';
export type { KeyRequest } from './key-fetcher.ts';
export type { KeyStore } from './key-memory.ts';
export {
  createKeyRing,
  type KeyDocumentQuery,
  type KeyRing,
  type KeyRingOptions,
  type OwnPublicKey,
} from './key-ring.ts';
export type { LimitedBody } from './limited-body.ts';
export {
  createPeerClient,
  type PeerAnswer,
  type PeerClient,
  type PeerClientOptions,
  type PeerRequest,
  type PeerStream,
} from './peer-client.ts';
export { PeerError, type PeerErrorKind } from './peer-error.ts';
export { createServerGate, type ServerGateOptions } from './server-gate.ts';
export { createSigningRequest } from './signing-request.ts';
export { createSlots } from './slots.ts';
export type { TransportLog } from './transport-log.ts';
export { type EventSignatures, verifyEventSignatures } from './verify-event-signatures.ts';
export {
  type InboundRequest,
  type RequestVerdict,
  type RequestVerifier,
  verifyRequest,
} from './verify-request.ts';
export {
  createWebClient,
  type WebAnswer,
  type WebClient,
  type WebClientOptions,
  type WebRequest,
} from './web-client.ts';
