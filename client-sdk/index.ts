export type { IdentityChoice, SealedIdentity } from './account/publish-identity.ts';
export type { LoginOptions, RegisterOptions, StoreOptions } from './account/sign-in.ts';
export { RequestError } from './api/request-error.ts';
export type { Archive, ArchiveState } from './archive/archive.ts';
export type { FileToSend } from './attachments/attached-file.ts';
export { CandorError, type CandorErrorCode } from './candor-error.ts';
export { Candor } from './client.ts';
export type { ClientEvents, Warning } from './client-events.ts';
export type { Message } from './rooms/message.ts';
export type { Room, UnsentEvent } from './rooms/room.ts';
export type { RoomEncryption } from './rooms/room-encryption.ts';
export type { Recovered, Recovery } from './secrets/recovery.ts';
export type { SafetyNumber } from './signal/fingerprint.ts';
export { StoreError } from './stores/store.ts';
export type { TrustState } from './stores/tables.ts';
export type { SyncState } from './sync/sync-loop.ts';
export type { DeviceOfUser } from './verification/decisions.ts';
export type { Emoji } from './verification/emoji-table.ts';
export type {
  Cancellation,
  ScanResult,
  Verification,
  VerificationPhase,
} from './verification/verification.ts';
export type { VerificationRequest, Verifications } from './verification/verifications.ts';
