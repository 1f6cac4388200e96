import { type federation, limits } from '@candor/spec';
import { roomOfServer } from '../../../peers/room-for-server.ts';
import { pdusVisibleTo } from '../../../peers/visible-to-server.ts';
import { walkBack } from '../../../peers/walk-back.ts';
import { Answer } from '../../answer.ts';
import type { Handler } from '../../handler.ts';

const eventsDefault = 10;

export const getMissingPreviousEvents: Handler<typeof federation.getMissingPreviousEvents> = async (
  context,
  { origin, params, body },
) => {
  const room = await roomOfServer(context, origin, params.roomId);
  const latest = body.latest_events.slice(0, limits.prevEventsMax);
  const except = body.earliest_events.slice(0, limits.missingEventsMax);
  const limit = Math.min(body.limit ?? eventsDefault, limits.missingEventsMax);
  const known = [...(await context.rooms.events.load(latest)).values()];
  const from = known.flatMap(({ roomNid, event }) =>
    roomNid === room.roomNid ? event.prevEvents : [],
  );
  const walk = { room, from, limit, except: [...except, ...latest], minDepth: body.min_depth };
  const events = (await walkBack(context, walk)).toReversed();
  return new Answer({
    body: JSON.stringify({ events: await pdusVisibleTo(context, room, origin, events) }),
  });
};
