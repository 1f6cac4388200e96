/** Whether only this machine can be meant: `localhost` names, 127.0.0.0/8, ::1 (with or without brackets). */
export const isLoopbackHost = (host: string): boolean =>
  /^(?:(?:.+\.)?localhost\.?|127(?:\.\d{1,3}){3}|\[?::1\]?)$/i.test(host);

/** The host part of a server name, without its port. */
export const hostOf = (serverName: string): string => serverName.replace(/:\d+$/, '');
