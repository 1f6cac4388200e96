import { serverNameOf } from '@candor/spec';
import type { RoomEvent, Verdict } from '../events/room-event.ts';
import type { RoomVersionRules } from '../room-versions/rules.ts';
import { type AuthState, membershipOf, soleStateKeys } from './auth-state.ts';
import { checkCreate } from './check-create.ts';
import { checkMember } from './check-member.ts';
import { checkPowerLevels } from './check-power-levels.ts';
import { powerLevels } from './power-levels.ts';
import { allowed, refused } from './verdicts.ts';

const checkInRoom = (
  event: RoomEvent,
  createEvent: RoomEvent,
  state: AuthState,
  rules: RoomVersionRules,
): Verdict => {
  const numbers = rules.authRuleNumbers;
  if (
    createEvent.content['m.federate'] === false &&
    serverNameOf(event.sender) !== serverNameOf(createEvent.sender)
  ) {
    return refused(numbers.federate, 'the room is not federated');
  }
  const levels = powerLevels(state, rules);
  if (event.type === 'm.room.member') return checkMember(event, createEvent, state, levels, rules);
  if (membershipOf(state, event.sender) !== 'join') {
    return refused(numbers.senderJoined, 'the sender is not joined');
  }
  const senderLevel = levels.ofUser(event.sender);
  if (event.type === 'm.room.third_party_invite') {
    return senderLevel >= levels.toInvite
      ? allowed
      : refused(`${numbers.thirdPartyInvite}.1`, 'the sender may not invite');
  }
  if (levels.toSend(event.type, event.stateKey !== undefined) > senderLevel) {
    return refused(numbers.requiredLevel, `the sender may not send ${event.type}`);
  }
  if (event.stateKey?.startsWith('@') && event.stateKey !== event.sender) {
    return refused(numbers.ownStateKey, "the state key is another user's");
  }
  if (event.type === 'm.room.power_levels') {
    return checkPowerLevels(event, createEvent, state, senderLevel, rules);
  }
  return allowed;
};

/**
 * The rules that look at a room state: whether `event` is allowed in it. `state` holds the create event,
 * in versions where it is no auth event too. `checkAuthEvents` and the signatures come before.
 */
// https://spec.matrix.org/v1.19/rooms/v12/#authorisation-rules
export const checkAuth = (event: RoomEvent, state: AuthState, rules: RoomVersionRules): Verdict => {
  const createEvent = state.get(soleStateKeys.create);
  if (event.type === 'm.room.create') {
    // A state before it means that something came before it.
    return createEvent !== undefined && createEvent.eventId !== event.eventId
      ? refused('1.1', 'the room has a create event')
      : checkCreate(event, rules);
  }
  if (createEvent === undefined) {
    const number = rules.authRuleNumbers.authEvents;
    return refused(rules.roomIdIsCreateHash ? 2 : `${number}.4`, 'the room has no create event');
  }
  if (rules.roomIdIsCreateHash && createEvent.eventId.slice(1) !== event.roomId.slice(1)) {
    return refused(2, "the room id is not the create event's");
  }
  return checkInRoom(event, createEvent, state, rules);
};
