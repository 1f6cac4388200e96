/** Identifiers are plain strings inside; these read them from the edge. Lengths count UTF-8 bytes. */
// https://spec.matrix.org/v1.19/appendices/#identifier-grammar
const identifierBytesMax = 255;

const fits = (id: string): boolean =>
  id.length <= identifierBytesMax && Buffer.byteLength(id) <= identifierBytesMax;

// https://spec.matrix.org/v1.19/appendices/#server-name
const serverNamePattern =
  /^(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9A-Fa-f:.]{2,45}\]|[0-9A-Za-z.-]{1,255})(?::\d{1,5})?$/;

export const isServerName = (text: string): boolean =>
  text.length <= 230 && serverNamePattern.test(text);

/** The part behind the first colon of `@user:server`, `#alias:server`, `!room:server`; undefined when there is none. */
export const serverNameOf = (id: string): string | undefined => {
  const colon = id.indexOf(':');
  return colon < 0 ? undefined : id.slice(colon + 1);
};

const isSigilId = (sigil: string, id: string): boolean => {
  const server = serverNameOf(id);
  return id.startsWith(sigil) && fits(id) && server !== undefined && isServerName(server);
};

/** Historical user ids are allowed: any characters but a colon or NUL before the server name. */
// https://spec.matrix.org/v1.19/appendices/#historical-user-ids
export const isUserId = (id: string): boolean => isSigilId('@', id) && !id.includes('\0');

/** What a user id made here may look like. */
export const isNewUserLocalpart = (localpart: string): boolean =>
  /^[a-z0-9._=/+-]+$/.test(localpart);

export const isRoomAlias = (id: string): boolean => isSigilId('#', id) && !id.includes('\0');

/** With a domain up to room version 11, an opaque hash from room version 12 on. */
export const isRoomId = (id: string): boolean => id.startsWith('!') && id.length > 1 && fits(id);

export const isEventId = (id: string): boolean => id.startsWith('$') && id.length > 1 && fits(id);
