/** When each entry of a room's state came to be what it is; for those from before, when its event was stored. */
export const statePositions = `
ALTER TABLE current_state ADD COLUMN position bigint;
`;
