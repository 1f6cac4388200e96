import type { Generated } from 'kysely';

/** Rows as PostgreSQL holds them after the last migration; bigint columns are read as numbers. */
type Instance = {
  key: string;
  value: string;
};

type Users = {
  user_id: string;
  password_hash: string | null;
  created_at: number;
  is_admin: Generated<boolean>;
  is_guest: Generated<boolean>;
  deactivated_at: number | null;
  is_erased: Generated<boolean>;
  is_locked: Generated<boolean>;
  is_suspended: Generated<boolean>;
  must_change_password: Generated<boolean>;
  last_key_backup: Generated<number>;
};

type Devices = {
  user_id: string;
  device_id: string;
  display_name: string | null;
  created_at: number;
  last_seen_at: number | null;
  last_seen_ip: string | null;
  last_seen_agent: string | null;
};

type AccessTokens = {
  token_hash: Buffer;
  user_id: string;
  device_id: string;
  expires_at: number | null;
  replaces: Buffer | null;
};

type RefreshTokens = {
  token_hash: Buffer;
  user_id: string;
  device_id: string;
  replaces: Buffer | null;
  revoked_at: number | null;
};

type UiaSessions = {
  session_id: string;
  purpose: Buffer;
  completed: Generated<string[]>;
  registration_token: string | null;
  created_at: number;
};

type RegistrationTokens = {
  token: string;
  uses_allowed: number | null;
  uses: Generated<number>;
  expires_at: number | null;
  makes_admin: Generated<boolean>;
};

type ProfileFields = {
  user_id: string;
  field: string;
  value: string;
};

type Filters = {
  user_id: string;
  filter_id: number;
  filter: string;
};

type AccountData = {
  user_id: string;
  room_id: Generated<string>;
  type: string;
  content: string;
  position: number;
};

type Rooms = {
  room_nid: number;
  room_id: string;
  version: string;
  extremities: string;
  snapshot_nid: number | null;
  is_published: Generated<boolean>;
  is_blocked: Generated<boolean>;
};

type Events = {
  event_nid: number;
  room_nid: number;
  event_id: string;
  position: number | null;
  depth: number;
  state_key_nid: number | null;
  snapshot_nid: number | null;
  is_outlier: boolean;
  is_soft_failed: Generated<boolean>;
  rejected_for: string | null;
  redacted_by: string | null;
  received_at: number;
  json: string;
};

type BackwardExtremities = {
  room_nid: number;
  event_id: string;
  child_event_id: string;
};

type TimelineGaps = {
  room_nid: number;
  position: number;
};

type Relations = {
  room_nid: number;
  parent_event_id: string;
  event_nid: number;
  rel_type: string;
  sender: Generated<string>;
};

type WaitingRedactions = {
  room_nid: number;
  redacts: string;
  event_id: string;
};

type StateKeys = {
  key_nid: Generated<number>;
  key: string;
};

type StateSnapshots = {
  snapshot_nid: number;
  room_nid: number;
  parent_nid: number | null;
  hops: number;
  state_hash: Buffer;
  key_nids: number[];
  event_nids: number[];
};

type CurrentState = {
  room_nid: number;
  key_nid: number;
  event_nid: number;
  position: number | null;
};

type Memberships = {
  room_nid: number;
  user_id: string;
  membership: string;
  event_id: string;
  sender: string;
  position: number;
  since: number;
  is_local: boolean;
  is_forgotten: Generated<boolean>;
  stripped_state: string | null;
  knocked_through: string | null;
};

type SentTransactions = {
  user_id: string;
  device_id: string;
  txn_key: string;
  event_id: string;
  sent_at: number;
};

type RoomAliases = {
  alias: string;
  room_id: string;
  creator: string;
  created_at: number;
};

type Receipts = {
  room_nid: number;
  user_id: string;
  receipt_type: string;
  thread_id: Generated<string>;
  event_id: string;
  received_at: number;
  position: number;
};

type Presence = {
  user_id: string;
  presence: string;
  status_msg: string | null;
  last_active_at: number;
  position: number;
};

type ToDeviceMessages = {
  user_id: string;
  device_id: string;
  position: number;
  message: string;
};

type DeviceKeys = {
  user_id: string;
  device_id: string;
  keys: string;
};

type CrossSigningKeys = {
  user_id: string;
  usage: string;
  keys: string;
};

type KeySignatures = {
  user_id: string;
  signed_key: string;
  signer_user_id: string;
  signer_key_id: string;
  signature: string;
  position: number;
};

type OneTimeKeys = {
  user_id: string;
  device_id: string;
  algorithm: string;
  key_id: string;
  key: string;
  position: number;
  claimed_at: Generated<number | null>;
};

type FallbackKeys = {
  user_id: string;
  device_id: string;
  algorithm: string;
  key_id: string;
  key: string;
  is_used: Generated<boolean>;
};

type DeviceListChanges = {
  user_id: string;
  position: number;
  stream_id: Generated<number>;
};

type RemoteDeviceLists = {
  user_id: string;
  stream_id: number | null;
  is_stale: boolean;
  held_since: number;
};

type RemoteDevices = {
  user_id: string;
  device_id: string;
  display_name: string | null;
  keys: string;
};

type ServerKeys = {
  server_name: string;
  keys: string;
};

type Destinations = {
  destination: string;
  failures: number;
  retry_at: number;
  failing_since: number;
};

type OutboundPdus = {
  destination: string;
  event_nid: number;
};

type OutboundEdus = {
  destination: string;
  edu_nid: Generated<number>;
  edu: string;
};

type ReceivedTransactions = {
  origin: string;
  txn_id: string;
  answer: string;
  received_at: number;
};

type StagedPdus = {
  id: Generated<number>;
  origin: string;
  room_id: string;
  pdus: string;
};

type ReceivedToDevice = {
  origin: string;
  message_id: string;
  received_at: number;
};

type Media = {
  origin: string;
  media_id: string;
  file_name: string | null;
  content_type: string | null;
  upload_name: string | null;
  size_bytes: number | null;
  sha256: Buffer | null;
  uploaded_by: string | null;
  created_at: number;
  last_read_at: number | null;
};

type Pushers = {
  user_id: string;
  app_id: string;
  pushkey: string;
  device_id: string;
  kind: string;
  app_display_name: string;
  device_display_name: string;
  lang: string;
  data: string;
  profile_tag: string | null;
};

type Reports = {
  report_nid: Generated<number>;
  reporter: string;
  room_id: string | null;
  event_id: string | null;
  user_id: string | null;
  reason: string | null;
  score: number | null;
  received_at: number;
};

type OpenidTokens = {
  token_hash: Buffer;
  user_id: string;
  expires_at: number;
};

type KeyBackups = {
  user_id: string;
  version: number;
  algorithm: string;
  auth_data: string;
  key_count: Generated<number>;
  key_bytes: Generated<number>;
  changes: Generated<number>;
};

type BackedUpKeys = {
  user_id: string;
  version: number;
  room_id: string;
  session_id: string;
  first_message_index: number;
  forwarded_count: number;
  is_verified: boolean;
  session_data: string;
};

export type Tables = {
  instance: Instance;
  users: Users;
  devices: Devices;
  access_tokens: AccessTokens;
  refresh_tokens: RefreshTokens;
  uia_sessions: UiaSessions;
  registration_tokens: RegistrationTokens;
  profile_fields: ProfileFields;
  filters: Filters;
  account_data: AccountData;
  rooms: Rooms;
  events: Events;
  backward_extremities: BackwardExtremities;
  timeline_gaps: TimelineGaps;
  relations: Relations;
  waiting_redactions: WaitingRedactions;
  state_keys: StateKeys;
  state_snapshots: StateSnapshots;
  current_state: CurrentState;
  memberships: Memberships;
  sent_transactions: SentTransactions;
  room_aliases: RoomAliases;
  receipts: Receipts;
  presence: Presence;
  to_device_messages: ToDeviceMessages;
  device_keys: DeviceKeys;
  cross_signing_keys: CrossSigningKeys;
  key_signatures: KeySignatures;
  one_time_keys: OneTimeKeys;
  fallback_keys: FallbackKeys;
  device_list_changes: DeviceListChanges;
  remote_device_lists: RemoteDeviceLists;
  remote_devices: RemoteDevices;
  server_keys: ServerKeys;
  destinations: Destinations;
  outbound_pdus: OutboundPdus;
  outbound_edus: OutboundEdus;
  received_transactions: ReceivedTransactions;
  staged_pdus: StagedPdus;
  received_to_device: ReceivedToDevice;
  media: Media;
  pushers: Pushers;
  reports: Reports;
  openid_tokens: OpenidTokens;
  key_backups: KeyBackups;
  backed_up_keys: BackedUpKeys;
};
