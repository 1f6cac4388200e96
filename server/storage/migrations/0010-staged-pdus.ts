/** PDUs that their server was told are here, of rooms that take long to take them in. */
export const stagedPdus = `
CREATE TABLE staged_pdus (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  origin text NOT NULL,
  room_id text NOT NULL,
  -- A JSON array of PDUs as they came.
  pdus text NOT NULL
);

CREATE INDEX staged_pdus_by_room ON staged_pdus (origin, room_id, id);
`;
