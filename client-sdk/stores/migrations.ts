/**
 * The schema of the encrypted file, one step per number; a step that has landed is never edited.
 * The column names are those of `tables.ts` in SQL's spelling.
 */
export const migrations: readonly string[] = [
  `
  CREATE TABLE account (
    user_id TEXT PRIMARY KEY, device_id TEXT NOT NULL, homeserver_url TEXT, access_token TEXT,
    refresh_token TEXT, sync_token TEXT
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE client_state (name TEXT PRIMARY KEY, value TEXT) STRICT, WITHOUT ROWID;
  CREATE TABLE counters (name TEXT PRIMARY KEY, next INTEGER NOT NULL) STRICT, WITHOUT ROWID;

  CREATE TABLE device_identity (
    user_id TEXT PRIMARY KEY, device_id TEXT NOT NULL, device_key_seed BLOB NOT NULL,
    signal_identity BLOB NOT NULL, registration_id INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE key_uploads (
    user_id TEXT PRIMARY KEY, device_keys_uploaded INTEGER NOT NULL,
    one_time_keys_on_server INTEGER, fallback_unused INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE cross_signing_secrets (
    user_id TEXT PRIMARY KEY, master BLOB NOT NULL, self_signing BLOB NOT NULL,
    user_signing BLOB NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE cross_signing_uploads (
    operation TEXT PRIMARY KEY, body TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE signed_pre_keys (
    id INTEGER PRIMARY KEY, record BLOB NOT NULL, created_at INTEGER NOT NULL, replaced_at INTEGER
  ) STRICT;
  CREATE TABLE kyber_pre_keys (
    id INTEGER PRIMARY KEY, record BLOB NOT NULL, signed_pre_key_id INTEGER NOT NULL,
    last_resort INTEGER NOT NULL, uploaded INTEGER NOT NULL, created_at INTEGER NOT NULL,
    replaced_at INTEGER
  ) STRICT;
  CREATE INDEX kyber_pre_keys_citing ON kyber_pre_keys (signed_pre_key_id);
  CREATE TABLE one_time_pre_keys (id INTEGER PRIMARY KEY, record BLOB NOT NULL) STRICT;
  CREATE TABLE last_resort_uses (
    kyber_pre_key_id INTEGER NOT NULL, signed_pre_key_id INTEGER NOT NULL,
    pre_key_message_key TEXT NOT NULL,
    PRIMARY KEY (kyber_pre_key_id, signed_pre_key_id, pre_key_message_key)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE sessions (
    address TEXT PRIMARY KEY, record BLOB NOT NULL, updated_at INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE sender_keys (
    address TEXT NOT NULL, distribution_id TEXT NOT NULL, record BLOB NOT NULL,
    room_id TEXT NOT NULL, first_iteration INTEGER NOT NULL, created_at INTEGER NOT NULL,
    PRIMARY KEY (address, distribution_id)
  ) STRICT;
  CREATE TABLE sender_key_epochs (
    distribution_id TEXT PRIMARY KEY, room_id TEXT NOT NULL, created_at INTEGER NOT NULL,
    messages INTEGER NOT NULL, ended_at INTEGER
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX sender_key_epochs_room ON sender_key_epochs (room_id);
  CREATE TABLE sender_key_recipients (
    distribution_id TEXT NOT NULL, address TEXT NOT NULL, user_id TEXT NOT NULL,
    device_id TEXT NOT NULL, distribution BLOB NOT NULL, PRIMARY KEY (distribution_id, address)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE users (
    user_id TEXT PRIMARY KEY, outdated INTEGER NOT NULL, generation INTEGER NOT NULL,
    query_after INTEGER NOT NULL, queried_at INTEGER, trust TEXT NOT NULL,
    first_seen_master_key TEXT, master_key TEXT, self_signing_key TEXT, offered_master_key TEXT,
    offered_self_signing_key TEXT
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX users_outdated ON users (outdated);
  CREATE TABLE devices (
    user_id TEXT NOT NULL, device_id TEXT NOT NULL, address TEXT NOT NULL,
    ed25519_key TEXT NOT NULL, signal_identity_key TEXT, algorithms TEXT NOT NULL,
    display_name TEXT, signed_by TEXT, deleted INTEGER NOT NULL, keys_changed INTEGER NOT NULL,
    claim_after INTEGER NOT NULL, PRIMARY KEY (user_id, device_id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX devices_address ON devices (address);
  CREATE TABLE warnings (
    user_id TEXT NOT NULL, kind TEXT NOT NULL, device_id TEXT NOT NULL, detail TEXT NOT NULL,
    created_at INTEGER NOT NULL, resolved_at INTEGER, PRIMARY KEY (user_id, kind, device_id)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE rooms (
    room_id TEXT PRIMARY KEY, encryption TEXT, direct_user_id TEXT, summary TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE members (
    room_id TEXT NOT NULL, user_id TEXT NOT NULL, membership TEXT NOT NULL, display_name TEXT,
    PRIMARY KEY (room_id, user_id)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE timeline (
    room_id TEXT NOT NULL, event_id TEXT NOT NULL, position INTEGER NOT NULL,
    local_echo INTEGER NOT NULL, sender TEXT NOT NULL, sender_device TEXT, type TEXT NOT NULL, content TEXT, ciphertext TEXT, state TEXT NOT NULL,
    reason TEXT, distribution_id TEXT, part_hash TEXT, origin_server_ts INTEGER NOT NULL,
    txn_id TEXT, recipients TEXT,
    PRIMARY KEY (room_id, event_id)
  ) STRICT;
  CREATE INDEX timeline_position ON timeline (room_id, position);
  CREATE INDEX timeline_waiting ON timeline (sender, position) WHERE state = 'waiting';

  CREATE TABLE send_queue (
    txn_id TEXT PRIMARY KEY, position INTEGER NOT NULL, room_id TEXT NOT NULL, type TEXT NOT NULL,
    content TEXT NOT NULL, state TEXT NOT NULL, created_at INTEGER NOT NULL,
    encrypted_content TEXT, content_hash TEXT, distribution_id TEXT, recipients TEXT, error TEXT
  ) STRICT;
  CREATE INDEX send_queue_position ON send_queue (position);
  CREATE INDEX send_queue_content_hash ON send_queue (content_hash);
  CREATE TABLE to_device_outbox (
    txn_id TEXT PRIMARY KEY, position INTEGER NOT NULL, event_type TEXT NOT NULL,
    messages TEXT NOT NULL, before_txn_id TEXT, created_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX to_device_outbox_position ON to_device_outbox (position);
  CREATE TABLE pending_to_device (
    position INTEGER PRIMARY KEY, sender TEXT NOT NULL, sender_device TEXT NOT NULL,
    content TEXT NOT NULL, received_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX pending_to_device_sender ON pending_to_device (sender);
  CREATE TABLE message_parts (
    hash TEXT PRIMARY KEY, address TEXT NOT NULL, envelope TEXT NOT NULL,
    received_at INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE retry_requests (
    room_id TEXT NOT NULL, event_id TEXT NOT NULL, user_id TEXT NOT NULL, device_id TEXT NOT NULL,
    address TEXT NOT NULL, due_at INTEGER NOT NULL, attempts INTEGER NOT NULL,
    open INTEGER NOT NULL, PRIMARY KEY (room_id, event_id)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE retry_answers (
    address TEXT NOT NULL, event_id TEXT NOT NULL, answers INTEGER NOT NULL,
    answered_at INTEGER NOT NULL, PRIMARY KEY (address, event_id)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  ALTER TABLE timeline ADD COLUMN archived INTEGER NOT NULL DEFAULT 0;
  CREATE INDEX timeline_archived ON timeline (archived, state, position);
  CREATE TABLE archive (
    user_id TEXT PRIMARY KEY, version TEXT NOT NULL, secret BLOB NOT NULL, stopped TEXT
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE secret_requests (
    request_id TEXT PRIMARY KEY, name TEXT NOT NULL, requested_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  `ALTER TABLE users ADD COLUMN tracked INTEGER NOT NULL DEFAULT 1;`,
];
