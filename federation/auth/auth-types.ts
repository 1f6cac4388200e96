import { type JsonObject, type StateKey, stateKeyOf } from '../events/room-event.ts';
import { isObject } from '../json/is-object.ts';
import type { RoomVersionRules } from '../room-versions/rules.ts';
import { soleStateKeys } from './auth-state.ts';

/** What decides which state an event is authorised by. */
export type AuthSubject = {
  readonly type: string;
  readonly sender: string;
  readonly stateKey?: string;
  readonly content: JsonObject;
};

const memberKey = (userId: string): StateKey => stateKeyOf('m.room.member', userId);

const memberAuthTypes = (stateKey: string, content: JsonObject): StateKey[] => {
  const { membership, third_party_invite: invite, join_authorised_via_users_server: via } = content;
  const keys = [memberKey(stateKey)];
  if (membership === 'join' || membership === 'invite' || membership === 'knock') {
    keys.push(soleStateKeys.joinRules);
  }
  if (membership === 'invite' && isObject(invite) && isObject(invite['signed'])) {
    const token = invite['signed']['token'];
    if (typeof token === 'string') keys.push(stateKeyOf('m.room.third_party_invite', token));
  }
  if (membership === 'join' && typeof via === 'string') keys.push(memberKey(via));
  return keys;
};

/** The entries of room state an event is to cite as `auth_events`, each once. */
// https://spec.matrix.org/v1.19/server-server-api/#auth-events-selection
export const authTypesFor = (
  { type, sender, stateKey, content }: AuthSubject,
  rules: RoomVersionRules,
): StateKey[] => {
  if (type === 'm.room.create') return [];
  const keys = [soleStateKeys.powerLevels, memberKey(sender)];
  if (!rules.roomIdIsCreateHash) keys.push(soleStateKeys.create);
  if (type !== 'm.room.member' || stateKey === undefined) return keys;
  return [...new Set([...keys, ...memberAuthTypes(stateKey, content)])];
};
