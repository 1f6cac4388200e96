/** Threads of a room. */
export const relationsByType = `
CREATE INDEX relations_type ON relations (room_nid, rel_type, parent_event_id, event_nid);
`;
