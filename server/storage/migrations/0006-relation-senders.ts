/** Who sent what relates to an event. */
export const relationSenders = `
-- NULL for what cannot be parsed, which must not fail the reading of others.
CREATE FUNCTION event_sender(event text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  RETURN event::json ->> 'sender';
EXCEPTION WHEN others THEN
  RETURN NULL;
END
$$;

ALTER TABLE relations ADD COLUMN sender text NOT NULL DEFAULT '';
UPDATE relations SET sender = coalesce(event_sender(events.json), '')
FROM events WHERE events.event_nid = relations.event_nid;
`;
