import type { SentEvent } from '../send-in-room.ts';
import { listIn } from './fetch-events.ts';
import { entryContent, type RemoteEntry, serversOfEntry } from './join-remote.ts';
import { knownRoom } from './known-room.ts';
import { placeOutOfBand } from './out-of-band.ts';
import type { RemoteContext } from './remote-context.ts';
import { shakeHands } from './shake-hands.ts';
import { readShownEntries } from './shown-state.ts';
import { tryServers } from './try-servers.ts';

/** A user of ours asks to be let into a room that this server is not in. Throws what `joinRemote` throws. */
// https://spec.matrix.org/v1.19/server-server-api/#knocking-rooms
export const knockRemote = async (
  context: RemoteContext,
  entry: RemoteEntry,
): Promise<SentEvent> => {
  const servers = await serversOfEntry(context, entry);
  const { roomId, sender: userId } = entry;
  const content = await entryContent(context, entry);
  const wish = { kind: 'knock', roomId, userId, content } as const;
  const {
    answer,
    event,
    rules,
    server: knockedThrough,
  } = await tryServers(servers, (server) => shakeHands(context, wish, server));
  const list = listIn(answer, 'knock_room_state');
  const { entries: shown } = await readShownEntries(context, list, rules, roomId);
  await knownRoom(context, roomId, rules);
  const { written, position } = await context.rooms.write(roomId, (room) =>
    placeOutOfBand(context, room, event, { shown, knockedThrough }),
  );
  await written;
  return { eventId: event.eventId, position };
};
