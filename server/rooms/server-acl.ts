import { splitServerName } from '@candor/federation';
import { createServerGate } from '@candor/federation/transport';
import { type Room, roomSettings } from './room.ts';

const globsIn = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((glob) => typeof glob === 'string') : [];

/** Whether the room's access control list lets a server take part; ports do not count, nor does case. */
// https://spec.matrix.org/v1.19/server-server-api/#server-access-control-lists-acls
export const isServerAllowed = (room: Pick<Room, 'settings'>, serverName: string): boolean => {
  const content = room.settings.get(roomSettings.serverAcl)?.content;
  if (!content) return true;
  const split = splitServerName(serverName);
  if (!split) return false;
  if (content['allow_ip_literals'] === false && split.kind !== 'dns') return false;
  const lists = { allow: globsIn(content['allow']), deny: globsIn(content['deny']) };
  return createServerGate(lists)(split.kind === 'ipv6' ? `[${split.host}]` : split.host);
};
