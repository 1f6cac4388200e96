/** Integer ids (`_nid`) inside, identifiers as text at the edge; rooms lead every large index so that a purge is cheap. */
export const initial = `
CREATE SEQUENCE stream_blocks;

CREATE TABLE instance (
  key text PRIMARY KEY,
  value text NOT NULL
);

-- Accounts

CREATE TABLE users (
  user_id text PRIMARY KEY,
  password_hash text,
  created_at bigint NOT NULL,
  is_admin boolean NOT NULL DEFAULT false,
  is_guest boolean NOT NULL DEFAULT false,
  deactivated_at bigint,
  -- Asked to be forgotten: others who were not in a room with them then see their messages pruned.
  is_erased boolean NOT NULL DEFAULT false,
  is_locked boolean NOT NULL DEFAULT false,
  is_suspended boolean NOT NULL DEFAULT false,
  must_change_password boolean NOT NULL DEFAULT false
);

CREATE TABLE devices (
  user_id text NOT NULL REFERENCES users ON DELETE CASCADE,
  device_id text NOT NULL,
  display_name text,
  created_at bigint NOT NULL,
  last_seen_at bigint,
  last_seen_ip text,
  last_seen_agent text,
  PRIMARY KEY (user_id, device_id)
);

CREATE TABLE access_tokens (
  token_hash bytea PRIMARY KEY,
  user_id text NOT NULL,
  device_id text NOT NULL,
  expires_at bigint,
  -- The refresh token it was given for, until its first use shows that it arrived.
  replaces bytea,
  FOREIGN KEY (user_id, device_id) REFERENCES devices ON DELETE CASCADE
);
CREATE INDEX access_tokens_device ON access_tokens (user_id, device_id);

CREATE TABLE refresh_tokens (
  token_hash bytea PRIMARY KEY,
  user_id text NOT NULL,
  device_id text NOT NULL,
  replaces bytea,
  -- Kept for a while after its end: a second use then shows that it was stolen, and ends the session.
  revoked_at bigint,
  FOREIGN KEY (user_id, device_id) REFERENCES devices ON DELETE CASCADE
);
CREATE INDEX refresh_tokens_device ON refresh_tokens (user_id, device_id);

-- User-interactive authentication under way: what it was begun for, and the stages done.
CREATE TABLE uia_sessions (
  session_id text PRIMARY KEY,
  purpose bytea NOT NULL,
  completed text[] NOT NULL DEFAULT '{}',
  -- The registration token that a stage was completed with.
  registration_token text,
  created_at bigint NOT NULL
);
CREATE INDEX uia_sessions_age ON uia_sessions (created_at);

CREATE TABLE registration_tokens (
  token text PRIMARY KEY,
  uses_allowed integer,
  uses integer NOT NULL DEFAULT 0,
  expires_at bigint,
  makes_admin boolean NOT NULL DEFAULT false
);

CREATE TABLE profile_fields (
  user_id text NOT NULL,
  field text NOT NULL,
  value text NOT NULL,
  PRIMARY KEY (user_id, field)
);

CREATE TABLE filters (
  user_id text NOT NULL,
  filter_id integer NOT NULL,
  filter text NOT NULL,
  PRIMARY KEY (user_id, filter_id)
);

CREATE TABLE account_data (
  user_id text NOT NULL,
  room_id text NOT NULL DEFAULT '',
  type text NOT NULL,
  content text NOT NULL,
  position bigint NOT NULL,
  PRIMARY KEY (user_id, room_id, type)
);
CREATE INDEX account_data_position ON account_data (user_id, position);

-- Rooms, events, state

-- Taken before the rows are written, so that a room and its first events are one round trip.
CREATE SEQUENCE room_nids AS integer;
CREATE SEQUENCE snapshot_nids INCREMENT 1000;

-- Tables of the append path name rooms without foreign keys: checking them would lock the room's row at each event.
-- The spare space lets each batch update the row in place.
CREATE TABLE rooms (
  room_nid integer PRIMARY KEY,
  room_id text NOT NULL UNIQUE,
  version text NOT NULL,
  -- JSON array of event ids: the forward extremities.
  extremities text NOT NULL,
  -- State after the forward extremities; null while the server is not in the room.
  snapshot_nid bigint,
  is_published boolean NOT NULL DEFAULT false,
  is_blocked boolean NOT NULL DEFAULT false
) WITH (fillfactor = 50);
CREATE INDEX rooms_published ON rooms (room_nid) WHERE is_published;

-- event_nid is the stream position at which the event was stored. position orders the timeline:
-- event_nid for live events, -event_nid for backfilled ones, null for those outside it (outliers, rejected).
CREATE TABLE events (
  event_nid bigint PRIMARY KEY,
  room_nid integer NOT NULL,
  event_id text NOT NULL,
  position bigint,
  depth bigint NOT NULL,
  state_key_nid integer,
  -- State before the event; null for outliers.
  snapshot_nid bigint,
  is_outlier boolean NOT NULL,
  is_soft_failed boolean NOT NULL DEFAULT false,
  rejected_for text,
  redacted_by text,
  received_at bigint NOT NULL,
  json text NOT NULL
);
CREATE UNIQUE INDEX events_event_id ON events (event_id);
CREATE INDEX events_timeline ON events (room_nid, depth, position) WHERE position IS NOT NULL;
CREATE INDEX events_stream ON events (room_nid, position) WHERE position IS NOT NULL;

-- Events that others name as predecessors and that are not here yet.
CREATE TABLE backward_extremities (
  room_nid integer NOT NULL,
  event_id text NOT NULL,
  -- An event that names it: where backfill may start from.
  child_event_id text NOT NULL,
  PRIMARY KEY (room_nid, event_id, child_event_id)
);

-- What relates to what (https://spec.matrix.org/v1.19/client-server-api/#forming-relationships-between-events).
CREATE TABLE relations (
  room_nid integer NOT NULL,
  parent_event_id text NOT NULL,
  event_nid bigint NOT NULL,
  rel_type text NOT NULL,
  PRIMARY KEY (room_nid, parent_event_id, event_nid)
);

-- Redactions that came before what they redact.
CREATE TABLE waiting_redactions (
  room_nid integer NOT NULL,
  redacts text NOT NULL,
  event_id text NOT NULL,
  PRIMARY KEY (room_nid, redacts, event_id)
);

CREATE TABLE state_keys (
  key_nid integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- JSON array of type and state key, so that any string fits.
  key text NOT NULL UNIQUE
);

-- A room's state at some point, as what differs from its parent; a full copy has no parent.
CREATE TABLE state_snapshots (
  snapshot_nid bigint PRIMARY KEY,
  room_nid integer NOT NULL,
  parent_nid bigint,
  hops smallint NOT NULL,
  -- Order-free hash of the whole state set: the same state is stored once.
  state_hash bytea NOT NULL,
  key_nids integer[] NOT NULL,
  -- Zero: the key is not in the state any more.
  event_nids bigint[] NOT NULL
);
CREATE INDEX state_snapshots_hash ON state_snapshots (room_nid, state_hash);

CREATE TABLE current_state (
  room_nid integer NOT NULL,
  key_nid integer NOT NULL,
  event_nid bigint NOT NULL,
  PRIMARY KEY (room_nid, key_nid)
);

-- Who is what in which room, as the current state has it, and invites to rooms the server is not in.
CREATE TABLE memberships (
  room_nid integer NOT NULL,
  user_id text NOT NULL,
  membership text NOT NULL,
  event_id text NOT NULL,
  sender text NOT NULL,
  position bigint NOT NULL,
  -- Position at which the user became what they are; profile changes do not move it.
  since bigint NOT NULL,
  is_local boolean NOT NULL,
  is_forgotten boolean NOT NULL DEFAULT false,
  -- JSON array of stripped state events that came with an invite or a knock's answer.
  stripped_state text,
  PRIMARY KEY (room_nid, user_id)
);
CREATE INDEX memberships_user ON memberships (user_id, membership, room_nid);
CREATE INDEX memberships_since ON memberships (room_nid, since);
CREATE INDEX memberships_local ON memberships (room_nid) WHERE is_local AND membership = 'join';

CREATE TABLE sent_transactions (
  user_id text NOT NULL,
  device_id text NOT NULL,
  -- Operation, path and transaction id: the scope of idempotence.
  txn_key text NOT NULL,
  event_id text NOT NULL,
  sent_at bigint NOT NULL,
  PRIMARY KEY (user_id, device_id, txn_key)
);
CREATE INDEX sent_transactions_age ON sent_transactions (sent_at);

CREATE TABLE room_aliases (
  alias text PRIMARY KEY,
  room_id text NOT NULL,
  creator text NOT NULL,
  created_at bigint NOT NULL
);
CREATE INDEX room_aliases_room ON room_aliases (room_id);

CREATE TABLE receipts (
  room_nid integer NOT NULL REFERENCES rooms ON DELETE CASCADE,
  user_id text NOT NULL,
  receipt_type text NOT NULL,
  -- Empty: unthreaded.
  thread_id text NOT NULL DEFAULT '',
  event_id text NOT NULL,
  received_at bigint NOT NULL,
  position bigint NOT NULL,
  PRIMARY KEY (room_nid, user_id, receipt_type, thread_id)
);
CREATE INDEX receipts_position ON receipts (room_nid, position);

CREATE TABLE presence (
  user_id text PRIMARY KEY,
  presence text NOT NULL,
  status_msg text,
  last_active_at bigint NOT NULL,
  position bigint NOT NULL
);

-- Devices and keys

CREATE TABLE to_device_messages (
  user_id text NOT NULL,
  device_id text NOT NULL,
  position bigint NOT NULL,
  message text NOT NULL,
  PRIMARY KEY (user_id, device_id, position)
);

CREATE TABLE device_keys (
  user_id text NOT NULL,
  device_id text NOT NULL,
  keys text NOT NULL,
  PRIMARY KEY (user_id, device_id)
);

CREATE TABLE cross_signing_keys (
  user_id text NOT NULL,
  usage text NOT NULL,
  keys text NOT NULL,
  PRIMARY KEY (user_id, usage)
);

CREATE TABLE key_signatures (
  user_id text NOT NULL,
  -- A device id, or the public part of a cross-signing key.
  signed_key text NOT NULL,
  signer_user_id text NOT NULL,
  signer_key_id text NOT NULL,
  signature text NOT NULL,
  position bigint NOT NULL,
  PRIMARY KEY (user_id, signed_key, signer_user_id, signer_key_id)
);
CREATE INDEX key_signatures_signer ON key_signatures (signer_user_id, position);

CREATE TABLE one_time_keys (
  user_id text NOT NULL,
  device_id text NOT NULL,
  algorithm text NOT NULL,
  key_id text NOT NULL,
  key text NOT NULL,
  position bigint NOT NULL,
  -- Kept for a while after its claim, so that an upload sent again does not offer the key once more.
  claimed_at bigint,
  PRIMARY KEY (user_id, device_id, algorithm, key_id)
);
CREATE INDEX one_time_keys_waiting ON one_time_keys (user_id, device_id, algorithm, position)
  WHERE claimed_at IS NULL;

CREATE TABLE fallback_keys (
  user_id text NOT NULL,
  device_id text NOT NULL,
  algorithm text NOT NULL,
  key_id text NOT NULL,
  key text NOT NULL,
  is_used boolean NOT NULL DEFAULT false,
  PRIMARY KEY (user_id, device_id, algorithm)
);

-- The newest change of a user's devices or cross-signing keys, for /sync and /keys/changes.
CREATE TABLE device_list_changes (
  user_id text PRIMARY KEY,
  position bigint NOT NULL,
  -- Of a local user: the number of the newest m.device_list_update.
  stream_id bigint NOT NULL DEFAULT 0
);
CREATE INDEX device_list_changes_position ON device_list_changes (position);

-- What is known of remote users' devices; stale until fetched again.
CREATE TABLE remote_device_lists (
  user_id text PRIMARY KEY,
  stream_id bigint,
  is_stale boolean NOT NULL,
  -- Stream position before it was asked for: it holds while a room has been shared since then.
  held_since bigint NOT NULL
);

CREATE TABLE remote_devices (
  user_id text NOT NULL,
  device_id text NOT NULL,
  display_name text,
  keys text NOT NULL,
  PRIMARY KEY (user_id, device_id)
);

-- Federation

CREATE TABLE server_keys (
  server_name text PRIMARY KEY,
  -- JSON: the keys, until when each counts, and the document as its server signed it.
  keys text NOT NULL
);

-- Servers that do not answer, and when to try again.
CREATE TABLE destinations (
  destination text PRIMARY KEY,
  failures integer NOT NULL,
  retry_at bigint NOT NULL,
  failing_since bigint NOT NULL
);

CREATE TABLE outbound_pdus (
  destination text NOT NULL,
  event_nid bigint NOT NULL,
  PRIMARY KEY (destination, event_nid)
);

CREATE TABLE outbound_edus (
  destination text NOT NULL,
  edu_nid bigint GENERATED ALWAYS AS IDENTITY,
  edu text NOT NULL,
  PRIMARY KEY (destination, edu_nid)
);

CREATE TABLE received_transactions (
  origin text NOT NULL,
  txn_id text NOT NULL,
  answer text NOT NULL,
  received_at bigint NOT NULL,
  PRIMARY KEY (origin, txn_id)
);
CREATE INDEX received_transactions_age ON received_transactions (received_at);

CREATE TABLE received_to_device (
  origin text NOT NULL,
  message_id text NOT NULL,
  received_at bigint NOT NULL,
  PRIMARY KEY (origin, message_id)
);
CREATE INDEX received_to_device_age ON received_to_device (received_at);

-- Media

CREATE TABLE media (
  origin text NOT NULL,
  media_id text NOT NULL,
  -- Random name of the file under the media folder; null until the content has arrived.
  file_name text,
  content_type text,
  upload_name text,
  size_bytes bigint,
  sha256 bytea,
  uploaded_by text,
  created_at bigint NOT NULL,
  last_read_at bigint,
  PRIMARY KEY (origin, media_id)
);
`;
