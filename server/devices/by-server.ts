import { isUserId, serverNameOf } from '@candor/spec';

/** Users sorted into those of this server and those of others, by server; what is no user id is left out. */
export const byServer = (
  userIds: Iterable<string>,
  serverName: string,
): { readonly local: string[]; readonly remote: Map<string, string[]> } => {
  const local: string[] = [];
  const remote = new Map<string, string[]>();
  for (const userId of userIds) {
    if (!isUserId(userId)) continue;
    const server = serverNameOf(userId) ?? '';
    if (server === serverName) local.push(userId);
    else remote.set(server, [...(remote.get(server) ?? []), userId]);
  }
  return { local, remote };
};
