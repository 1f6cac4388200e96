import { isObject } from '@candor/federation';
import type { clientServer, ResponseOf } from '@candor/spec';

type Tags = ResponseOf<typeof clientServer.getRoomTags>['tags'];

/** The tags in the content of `m.tag`, whatever a client has written there. */
// https://spec.matrix.org/v1.19/client-server-api/#mtag
export const roomTags = (content: Readonly<Record<string, unknown>> | undefined): Tags => {
  const tags = content?.['tags'];
  if (!isObject(tags)) return {};
  const entries = Object.entries(tags).flatMap(([name, tag]) => {
    if (!isObject(tag)) return [];
    const { order, ...rest } = tag;
    return [[name, typeof order === 'number' ? { ...rest, order } : rest] as const];
  });
  return Object.fromEntries(entries);
};
