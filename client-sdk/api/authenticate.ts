import { isObject } from '@candor/federation';
import { memberOf } from '../signal/member-of.ts';
import { RequestError } from './request-error.ts';

/** What a person can prove in a user-interactive authentication. */
export type Proofs = {
  readonly userId?: string;
  readonly password?: string | undefined;
  readonly registrationToken?: string | undefined;
};

type Authentication = Readonly<Record<string, unknown>>;

const stageOf = (type: string, proofs: Proofs): Authentication | undefined => {
  const { userId, password, registrationToken } = proofs;
  if (type === 'm.login.dummy') return { type };
  if (type === 'm.login.registration_token' && registrationToken !== undefined) {
    return { type, token: registrationToken };
  }
  if (type !== 'm.login.password' || password === undefined || userId === undefined)
    return undefined;
  return { type, password, identifier: { type: 'm.id.user', user: userId } };
};

const textList = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((entry) => typeof entry === 'string') : [];

const nextStage = (challenge: unknown, proofs: Proofs): Authentication | undefined => {
  const completed = textList(memberOf(challenge, 'completed'));
  const flows = memberOf(challenge, 'flows');
  for (const flow of Array.isArray(flows) ? flows : []) {
    const open = textList(memberOf(flow, 'stages')).filter((type) => !completed.includes(type));
    const stages = open.map((type) => stageOf(type, proofs));
    if (stages.every((stage) => stage !== undefined)) return stages[0];
  }
  return undefined;
};

const roundsMax = 5;

/**
 * Makes a call that may ask for user-interactive authentication, one stage after the other, with
 * whatever can be proven; rejects with the server's challenge when that is not enough.
 */
// https://spec.matrix.org/v1.19/client-server-api/#user-interactive-authentication-api
export const authenticate = async <T>(
  make: (auth: Authentication | undefined) => Promise<T>,
  proofs: Proofs,
): Promise<T> => {
  let auth: Authentication | undefined;
  for (let round = 0; ; round++) {
    try {
      return await make(auth);
    } catch (error) {
      const challenge =
        error instanceof RequestError && error.status === 401 ? error.body : undefined;
      const stage = isObject(challenge) ? nextStage(challenge, proofs) : undefined;
      // An errcode says that the stage just tried was wrong; trying it again would not help.
      const wasWrong = auth !== undefined && memberOf(challenge, 'errcode') !== undefined;
      if (!stage || wasWrong || round >= roundsMax) throw error;
      auth = { ...stage, session: memberOf(challenge, 'session') };
    }
  }
};
