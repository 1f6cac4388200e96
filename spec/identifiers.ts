import { limits } from './limits.ts';

/** Identifiers are plain strings inside; these read them from the edge. Lengths count UTF-8 bytes. */
// https://spec.matrix.org/v1.19/appendices/#identifier-grammar

const fits = (id: string): boolean =>
  id.length <= limits.identifierBytesMax && Buffer.byteLength(id) <= limits.identifierBytesMax;

// Dots alone fit the grammar, are the name of nothing, and lead elsewhere as a part of a path.
// https://spec.matrix.org/v1.19/appendices/#server-name
const serverNamePattern =
  /^(?!\.+(?::|$))(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9A-Fa-f:.]{2,45}\]|[0-9A-Za-z.-]{1,255})(?::\d{1,5})?$/;

export const isServerName = (text: string): boolean =>
  text.length <= limits.serverNameBytesMax && serverNamePattern.test(text);

/** The part behind the first colon of `@user:server`, `#alias:server`, `!room:server`; undefined when there is none. */
export const serverNameOf = (id: string): string | undefined =>
  id.includes(':') ? id.slice(id.indexOf(':') + 1) : undefined;

const isSigilId = (sigil: string, id: string): boolean =>
  id.startsWith(sigil) && fits(id) && isServerName(serverNameOf(id) ?? '');

// No database can look for a NUL, and neither ids of rooms nor of events have one.
// https://spec.matrix.org/v1.19/appendices/#room-ids
const isOpaqueId = (sigil: string, id: string): boolean =>
  id.startsWith(sigil) && id.length > 1 && fits(id) && !id.includes('\0');

/** Historical user ids are allowed: any characters but a colon or NUL before the server name. */
// https://spec.matrix.org/v1.19/appendices/#historical-user-ids
export const isUserId = (id: string): boolean => isSigilId('@', id) && !id.includes('\0');

/** What a user id made here may look like. */
export const isNewUserLocalpart = (localpart: string): boolean =>
  /^[a-z0-9._=/+-]+$/.test(localpart);

export const isRoomAlias = (id: string): boolean => isSigilId('#', id) && !id.includes('\0');

/** With a domain up to room version 11, an opaque hash from room version 12 on. */
export const isRoomId = (id: string): boolean => isOpaqueId('!', id);

export const isEventId = (id: string): boolean => isOpaqueId('$', id);
