/** Sums of what users upload and of what is copied, pushers, reports, OpenID tokens. */
export const mediaPushersReports = `
CREATE INDEX media_uploads ON media (uploaded_by, created_at) INCLUDE (size_bytes)
  WHERE uploaded_by IS NOT NULL;
CREATE INDEX media_copies ON media (last_read_at) INCLUDE (size_bytes) WHERE uploaded_by IS NULL;

CREATE TABLE pushers (
  user_id text NOT NULL,
  app_id text NOT NULL,
  pushkey text NOT NULL,
  -- The session that set it; it goes with that.
  device_id text NOT NULL,
  kind text NOT NULL,
  app_display_name text NOT NULL,
  device_display_name text NOT NULL,
  lang text NOT NULL,
  -- JSON object.
  data text NOT NULL,
  profile_tag text,
  PRIMARY KEY (user_id, app_id, pushkey),
  FOREIGN KEY (user_id, device_id) REFERENCES devices ON DELETE CASCADE
);
CREATE INDEX pushers_key ON pushers (app_id, pushkey);
CREATE INDEX pushers_device ON pushers (user_id, device_id);

-- What users have told the administrators of rooms, events and users.
CREATE TABLE reports (
  report_nid bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  reporter text NOT NULL,
  room_id text,
  event_id text,
  user_id text,
  reason text,
  score integer,
  received_at bigint NOT NULL
);

CREATE TABLE openid_tokens (
  token_hash bytea PRIMARY KEY,
  user_id text NOT NULL REFERENCES users ON DELETE CASCADE,
  expires_at bigint NOT NULL
);
CREATE INDEX openid_tokens_expiry ON openid_tokens (expires_at);
`;
