import { isUserId } from '@candor/spec';
import type { RoomEvent, Verdict } from '../events/room-event.ts';
import type { RoomVersionRules } from '../room-versions/rules.ts';
import { type AuthState, membershipOf, soleStateKeys } from './auth-state.ts';
import { checkThirdPartyInvite } from './check-third-party-invite.ts';
import { creatorsOf, type PowerLevels } from './power-levels.ts';
import { allowed, refused } from './verdicts.ts';

type MemberCheck = {
  readonly event: RoomEvent;
  readonly createEvent: RoomEvent;
  readonly state: AuthState;
  readonly levels: PowerLevels;
  readonly rules: RoomVersionRules;
  /** The user whose membership changes, its membership so far, and the sender's. */
  readonly target: string;
  readonly targetIs: string;
  readonly senderIs: string;
  /** The number of a sub-rule of the member rule. */
  readonly rule: (sub: string) => string;
};

// A room without join rules is invite-only.
const joinRuleOf = (state: AuthState): unknown => {
  const joinRules = state.get(soleStateKeys.joinRules);
  return joinRules === undefined ? 'invite' : joinRules.content['join_rule'];
};

const isCreatorsFirstJoin = ({ event, createEvent, rules, target }: MemberCheck): boolean =>
  event.prevEvents.length === 1 &&
  event.prevEvents[0] === createEvent.eventId &&
  creatorsOf(createEvent, rules)[0] === target;

const mayAuthoriseJoin = ({ event, state, levels }: MemberCheck): boolean => {
  const via = event.content['join_authorised_via_users_server'];
  return (
    typeof via === 'string' &&
    membershipOf(state, via) === 'join' &&
    levels.ofUser(via) >= levels.toInvite
  );
};

const checkJoin = (check: MemberCheck): Verdict => {
  const { event, state, target, targetIs, rule } = check;
  if (isCreatorsFirstJoin(check)) return allowed;
  if (event.sender !== target) return refused(rule('3.2'), 'nobody joins for another user');
  if (targetIs === 'ban') return refused(rule('3.3'), 'the sender is banned');
  const isExpected = targetIs === 'invite' || targetIs === 'join';
  switch (joinRuleOf(state)) {
    case 'public':
      return allowed;
    case 'invite':
    case 'knock':
      return isExpected ? allowed : refused(rule('3.7'), 'the sender is not invited');
    case 'restricted':
    case 'knock_restricted':
      if (isExpected || mayAuthoriseJoin(check)) return allowed;
      return refused(rule('3.5.2'), 'no joined user who may invite authorised the join');
    default:
      return refused(rule('3.7'), 'the join rule lets nobody in');
  }
};

const checkInvite = (check: MemberCheck): Verdict => {
  const { event, levels, target, targetIs, senderIs, rule } = check;
  if (event.content['third_party_invite'] !== undefined) {
    return checkThirdPartyInvite(event, target, check.state, rule('4.1'));
  }
  if (senderIs !== 'join') return refused(rule('4.2'), 'the sender is not joined');
  if (targetIs === 'join' || targetIs === 'ban') {
    return refused(rule('4.3'), 'the target is joined or banned');
  }
  return levels.ofUser(event.sender) >= levels.toInvite
    ? allowed
    : refused(rule('4.5'), 'the sender may not invite');
};

const checkLeave = (check: MemberCheck): Verdict => {
  const { event, levels, target, targetIs, senderIs, rule } = check;
  if (event.sender === target) {
    return targetIs === 'invite' || targetIs === 'join' || targetIs === 'knock'
      ? allowed
      : refused(rule('5.1'), 'the sender is not in the room, invited or knocking');
  }
  if (senderIs !== 'join') return refused(rule('5.2'), 'the sender is not joined');
  const level = levels.ofUser(event.sender);
  if (targetIs === 'ban' && level < levels.toBan) {
    return refused(rule('5.3'), 'the sender may not lift a ban');
  }
  return level >= levels.toKick && levels.ofUser(target) < level
    ? allowed
    : refused(rule('5.5'), 'the sender may not kick the target');
};

const checkBan = ({ event, levels, target, senderIs, rule }: MemberCheck): Verdict => {
  if (senderIs !== 'join') return refused(rule('6.1'), 'the sender is not joined');
  const level = levels.ofUser(event.sender);
  return level >= levels.toBan && levels.ofUser(target) < level
    ? allowed
    : refused(rule('6.3'), 'the sender may not ban the target');
};

const checkKnock = ({ event, state, target, senderIs, rule }: MemberCheck): Verdict => {
  const joinRule = joinRuleOf(state);
  if (joinRule !== 'knock' && joinRule !== 'knock_restricted') {
    return refused(rule('7.1'), 'the join rule does not let anyone knock');
  }
  if (event.sender !== target) return refused(rule('7.2'), 'nobody knocks for another user');
  return senderIs === 'ban' || senderIs === 'invite' || senderIs === 'join'
    ? refused(rule('7.4'), 'the sender is banned, invited or joined')
    : allowed;
};

const checkMembership = (check: MemberCheck): Verdict => {
  switch (check.event.content['membership']) {
    case 'join':
      return checkJoin(check);
    case 'invite':
      return checkInvite(check);
    case 'leave':
      return checkLeave(check);
    case 'ban':
      return checkBan(check);
    case 'knock':
      return checkKnock(check);
    default:
      return refused(check.rule('8'), 'the membership is unknown');
  }
};

/** The rules for a member event. That the authorising server of a restricted join signed it is checked with the signatures. */
// https://spec.matrix.org/v1.19/rooms/v12/#authorisation-rules
export const checkMember = (
  event: RoomEvent,
  createEvent: RoomEvent,
  state: AuthState,
  levels: PowerLevels,
  rules: RoomVersionRules,
): Verdict => {
  const rule = (sub: string): string => `${rules.authRuleNumbers.member}.${sub}`;
  const { stateKey: target, content } = event;
  if (target === undefined || content['membership'] === undefined) {
    return refused(rule('1'), 'a member event has a state_key and a membership');
  }
  const via = content['join_authorised_via_users_server'];
  if (via !== undefined && (typeof via !== 'string' || !isUserId(via))) {
    return refused(rule('2.1'), 'join_authorised_via_users_server is no user id');
  }
  const targetIs = membershipOf(state, target);
  const senderIs = membershipOf(state, event.sender);
  return checkMembership({
    event,
    createEvent,
    state,
    levels,
    rules,
    target,
    targetIs,
    senderIs,
    rule,
  });
};
