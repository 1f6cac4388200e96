/** The server that took a knock: it is in the room, so it may say how the knock ends. */
export const knockedThrough = `
ALTER TABLE memberships ADD COLUMN knocked_through text;
`;
