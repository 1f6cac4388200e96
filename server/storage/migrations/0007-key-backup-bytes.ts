/** How much the keys of a backup take: their sealed text and their names. */
export const keyBackupBytes = `
CREATE FUNCTION backed_up_bytes(room_id text, session_id text, session_data text) RETURNS integer
LANGUAGE sql IMMUTABLE AS $$
  SELECT octet_length(room_id) + octet_length(session_id) + octet_length(session_data)
$$;

ALTER TABLE key_backups ADD COLUMN key_bytes bigint NOT NULL DEFAULT 0;
UPDATE key_backups SET key_bytes = coalesce((
  SELECT sum(backed_up_bytes(room_id, session_id, session_data)) FROM backed_up_keys
  WHERE backed_up_keys.user_id = key_backups.user_id AND backed_up_keys.version = key_backups.version
), 0);
`;
