import {
  defaultRoomVersion,
  type EventTemplate,
  type JsonObject,
  type RoomEvent,
  type RoomVersionRules,
  roomVersionRules,
} from '@candor/federation';
import { isRoomAlias, isUserId, limits, MatrixError } from '@candor/spec';
import type { Context } from '../context.ts';
import { deleteAlias, insertAlias } from '../storage/aliases.ts';
import { transact } from '../storage/database.ts';
import { setPublished } from '../storage/room-directory.ts';
import type { StreamPosition } from '../storage/stream-clock.ts';
import { appendEvent } from './append-event.ts';
import { buildRoomEvent } from './build-room-event.ts';
import { checkContent } from './check-content.ts';
import { abandonSteps, commitSteps } from './commit-steps.ts';
import { inviteUser } from './invite-user.ts';
import { createContent, eventsAfterCreate, inviteesOf, type NewRoom } from './new-room-events.ts';
import type { Step } from './place-event.ts';
import type { RemoteContext } from './remote/remote-context.ts';
import type { Room } from './room.ts';
import type { CreateRoomRequest } from './room-presets.ts';

export type CreateRoomContext = RemoteContext & Pick<Context, 'randomBytes'>;

const rulesFor = (version: string): RoomVersionRules => {
  const rules = roomVersionRules(version);
  if (rules) return rules;
  throw new MatrixError('M_UNSUPPORTED_ROOM_VERSION', `room version ${version} is not supported`);
};

/** Refuses what can be seen to be wrong before anything is made; returns the alias asked for. */
const checkRequest = (request: CreateRoomRequest, serverName: string): string | undefined => {
  const { invite = [], invite_3pid: byEmail = [], room_alias_name: name } = request;
  if (byEmail.length > 0) {
    throw new MatrixError('M_THREEPID_DENIED', 'this server invites by user id only');
  }
  if (!invite.every(isUserId)) throw new MatrixError('M_INVALID_PARAM', 'invite: not a user id');
  if (invite.length > limits.invitesPerNewRoomMax) {
    throw new MatrixError('M_INVALID_PARAM', 'invite: too many users at once');
  }
  if ((request.initial_state ?? []).length > limits.initialStateEventsMax) {
    throw new MatrixError('M_INVALID_PARAM', 'initial_state: too many events');
  }
  if (name === undefined) return undefined;
  const alias = `#${name}:${serverName}`;
  if (name.length > 0 && !/[:\s]/.test(name) && isRoomAlias(alias)) return alias;
  throw new MatrixError('M_INVALID_PARAM', 'room_alias_name: not a name for an alias');
};

/** The create event, which in newer versions names the room. */
const buildCreateEvent = (context: CreateRoomContext, newRoom: NewRoom): Promise<RoomEvent> => {
  const { config, randomBytes } = context;
  const { creator, rules } = newRoom;
  const content = createContent(newRoom);
  const roomId = `!${randomBytes(18).toString('base64url')}:${config.serverName}`;
  const nothing = { extremities: [], depth: 0, settings: new Map(), state: new Map() };
  const template = { type: 'm.room.create', stateKey: '', sender: creator, content };
  const now = () => context.rooms.creationMs(context.now());
  return buildRoomEvent({ ...context, now }, { roomId, rules, ...nothing }, template);
};

/** What the rules forbid at the beginning is a fault of the request. */
const refuseRoom = (error: unknown): never => {
  if (!(error instanceof MatrixError) || error.errcode !== 'M_FORBIDDEN') throw error;
  throw new MatrixError('M_INVALID_ROOM_STATE', error.message, { cause: error });
};

/** All first events of the room in memory. Throws M_INVALID_ROOM_STATE when the rules refuse one. */
const buildRoom = async (
  context: CreateRoomContext,
  room: Room,
  createEvent: RoomEvent,
  templates: readonly EventTemplate[],
): Promise<readonly Step[]> => {
  const steps: Step[] = [];
  try {
    steps.push(await appendEvent(context, room, createEvent));
    for (const template of templates) {
      checkContent(template.type, template.stateKey, template.content);
      const event = await buildRoomEvent(context, room, template);
      steps.push(await appendEvent(context, room, event));
    }
    return steps;
  } catch (error) {
    abandonSteps(context, room, steps);
    return refuseRoom(error);
  }
};

const takeAlias = async (
  { db, now }: CreateRoomContext,
  alias: string,
  roomId: string,
  creator: string,
): Promise<void> => {
  const isMade = await transact(db, (tx) => insertAlias(tx, { alias, roomId, creator }, now()));
  if (!isMade) throw new MatrixError('M_ROOM_IN_USE', 'the alias is taken');
};

/** Users of other servers, one after the other; that one cannot be reached does not undo the room. */
const inviteRemote = async (
  context: CreateRoomContext,
  roomId: string,
  { creator, request }: NewRoom,
  userIds: readonly string[],
): Promise<void> => {
  for (const userId of userIds) {
    const content: JsonObject = request.is_direct ? { is_direct: true } : {};
    await inviteUser(context, { roomId, sender: creator, target: userId, content }).catch(
      (error: unknown) => context.log.warn({ err: error, roomId, userId }, 'invitation failed'),
    );
  }
};

/**
 * Makes a room with its first state and invitations, written as one. Throws M_UNSUPPORTED_ROOM_VERSION, M_ROOM_IN_USE,
 * M_INVALID_ROOM_STATE, M_INVALID_PARAM, M_BAD_JSON, M_THREEPID_DENIED.
 */
export const createRoom = async (
  context: CreateRoomContext,
  creator: string,
  request: CreateRoomRequest,
): Promise<{ readonly roomId: string; readonly position: StreamPosition }> => {
  const { config, db, rooms } = context;
  const rules = rulesFor(request.room_version ?? defaultRoomVersion);
  const alias = checkRequest(request, config.serverName);
  const newRoom: NewRoom = { request, creator, rules, alias };
  const createEvent = await buildCreateEvent(context, newRoom).catch(refuseRoom);
  const { roomId } = createEvent;
  const templates = await eventsAfterCreate(db, newRoom, config.serverName);
  const room = await rooms.create(roomId, rules);
  const steps = await buildRoom(context, room, createEvent, templates);
  try {
    if (alias !== undefined) await takeAlias(context, alias, roomId, creator);
  } catch (error) {
    abandonSteps(context, room, steps);
    throw error;
  }
  const written = commitSteps(context, room, steps, { isNewRoom: true });
  rooms.admit(room);
  try {
    await written;
  } catch (error) {
    if (alias !== undefined) await transact(db, (tx) => deleteAlias(tx, alias));
    throw error;
  }
  if (request.visibility === 'public') await transact(db, (tx) => setPublished(tx, roomId, true));
  await inviteRemote(context, roomId, newRoom, inviteesOf(newRoom, config.serverName).remote);
  return { roomId, position: steps.at(-1)?.position ?? 0 };
};
