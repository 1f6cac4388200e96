/** Server-side backups of room keys, sealed by the clients. */
export const keyBackups = `
-- Versions are counted for each user and never given twice.
ALTER TABLE users ADD COLUMN last_key_backup bigint NOT NULL DEFAULT 0;

CREATE TABLE key_backups (
  user_id text NOT NULL REFERENCES users ON DELETE CASCADE,
  version bigint NOT NULL,
  algorithm text NOT NULL,
  -- JSON object.
  auth_data text NOT NULL,
  key_count bigint NOT NULL DEFAULT 0,
  -- How often its keys were changed.
  changes bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (user_id, version)
);

CREATE TABLE backed_up_keys (
  user_id text NOT NULL,
  version bigint NOT NULL,
  room_id text NOT NULL,
  session_id text NOT NULL,
  first_message_index bigint NOT NULL,
  forwarded_count bigint NOT NULL,
  is_verified boolean NOT NULL,
  -- JSON object, as the client sealed it.
  session_data text NOT NULL,
  PRIMARY KEY (user_id, version, room_id, session_id),
  FOREIGN KEY (user_id, version) REFERENCES key_backups ON DELETE CASCADE
);
`;
