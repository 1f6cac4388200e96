import { isUserId } from '@candor/spec';
import { isObject } from '../json/is-object.ts';
import { roomVersionRules } from '../room-versions/rules.ts';
import type { EventTemplate, PlaceInRoom } from './build-event.ts';
import { eventFormatFault } from './event-format.ts';
import type { JsonObject } from './room-event.ts';

export type AskedMembership = {
  readonly roomId: string;
  readonly sender: string;
  readonly stateKey: string;
  readonly type: string;
  readonly membership: string;
  readonly roomVersion: string;
};

/** On success the two first arguments of `buildEvent`, holding nothing that was not asked for or needed. */
export type SameAsAsked =
  | { readonly allowed: true; readonly template: EventTemplate; readonly room: PlaceInRoom }
  | { readonly allowed: false; readonly rule: string; readonly reason: string };

const refuse = (field: string): SameAsAsked => ({
  allowed: false,
  rule: 'same as asked',
  reason: `${field} is not what was asked for`,
});

// A join may name who on the resident server let the user in; everything else in `content` is ours to fill.
const cleanContent = (content: JsonObject, membership: string): JsonObject => {
  const via = content['join_authorised_via_users_server'];
  return membership === 'join' && typeof via === 'string' && isUserId(via)
    ? { membership, join_authorised_via_users_server: via }
    : { membership };
};

/**
 * Compares the event of a make_join, make_knock or make_leave answer with what we asked for before we sign it,
 * so that nobody can have anything else signed by us; unknown fields are dropped.
 */
// https://spec.matrix.org/v1.19/server-server-api/#joining-rooms
export const sameAsAsked = (template: JsonObject, asked: AskedMembership): SameAsAsked => {
  const rules = roomVersionRules(asked.roomVersion);
  if (rules === undefined) return refuse('room_version');
  const { room_id: roomId, sender, state_key: stateKey, type, content } = template;
  if (roomId !== asked.roomId) return refuse('room_id');
  if (sender !== asked.sender) return refuse('sender');
  if (stateKey !== asked.stateKey) return refuse('state_key');
  if (type !== asked.type) return refuse('type');
  if (!isObject(content) || content['membership'] !== asked.membership) return refuse('membership');
  const { prev_events, auth_events, depth } = template;
  const cleaned = {
    room_id: roomId,
    type: asked.type,
    state_key: asked.stateKey,
    sender: asked.sender,
    content: cleanContent(content, asked.membership),
    prev_events: prev_events ?? null,
    auth_events: auth_events ?? null,
    depth: depth ?? null,
  };
  const filled = { ...cleaned, origin_server_ts: 0, hashes: { sha256: '' }, signatures: {} };
  const fault = eventFormatFault(filled, rules, asked.roomId);
  if (fault !== undefined) return { allowed: false, rule: 'event format', reason: fault };
  return {
    allowed: true,
    template: {
      type: asked.type,
      stateKey: asked.stateKey,
      sender: asked.sender,
      content: cleaned.content,
    },
    room: {
      roomId: asked.roomId,
      prevEvents: prev_events as readonly string[],
      authEvents: auth_events as readonly string[],
      depth: depth as number,
    },
  };
};
