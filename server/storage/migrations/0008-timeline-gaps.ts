/** Where a room's timeline, in the order events came, has a gap right before an event; it stays when the gap is filled. */
export const timelineGaps = `
CREATE TABLE timeline_gaps (
  room_nid integer NOT NULL,
  -- Of the first event behind the gap.
  position bigint NOT NULL,
  PRIMARY KEY (room_nid, position)
);

INSERT INTO timeline_gaps (room_nid, position)
SELECT DISTINCT b.room_nid, c.position
FROM backward_extremities b JOIN events c ON c.event_id = b.child_event_id
WHERE c.position > 0 AND c.room_nid = b.room_nid;
`;
