import { hash } from 'node:crypto';
import { limits, MatrixError } from '@candor/spec';
import type { Context } from '../context.ts';
import { transact } from '../storage/database.ts';
import { readRegistrationToken } from '../storage/registration-tokens.ts';
import {
  endUiaSession,
  insertUiaSession,
  readUiaSession,
  type UiaSession,
  writeUiaProgress,
} from '../storage/uia-sessions.ts';
import { type PasswordLogin, verifyLogin } from './verify-login.ts';

export type Stage = 'm.login.dummy' | 'm.login.password' | 'm.login.registration_token';

/** The `auth` object of a request. */
export type AuthenticationData = PasswordLogin & {
  readonly type?: string;
  readonly session?: string;
  readonly token?: string;
};

export type InteractiveRequest = {
  readonly operationId: string;
  /** Whose password is asked for; undefined where there is no user yet. */
  readonly userId: string | undefined;
  /** What the call is about: authentication for one call does not serve another. */
  readonly parameters: object;
  readonly auth: AuthenticationData | undefined;
  /** Each a list of stages, one of which has to be gone through in order. */
  readonly flows: readonly (readonly Stage[])[];
  readonly address: string;
};

export type InteractiveOutcome = { readonly registrationToken: string | undefined };

const sortKeys = (_key: string, value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : value;

const purposeOf = ({ operationId, userId, parameters }: InteractiveRequest): Buffer => {
  const text = JSON.stringify([operationId, userId, { ...parameters, auth: undefined }], sortKeys);
  return hash('sha256', text, 'buffer');
};

/** The 401 that names the session and the stages; it has an error code only after a stage was tried in vain. */
// https://spec.matrix.org/v1.19/client-server-api/#user-interactive-api-in-the-rest-api
const challenge = (
  { flows }: InteractiveRequest,
  { sessionId, completed }: UiaSession,
  failure?: MatrixError,
): MatrixError =>
  new MatrixError('M_FORBIDDEN', '', {
    status: 401,
    fields: {
      errcode: failure?.errcode,
      error: failure?.message,
      flows: flows.map((stages) => ({ stages })),
      params: {},
      session: sessionId,
      ...(completed.length > 0 && { completed }),
    },
  });

const startsWith = (flow: readonly string[], stages: readonly string[]): boolean =>
  stages.every((stage, at) => flow[at] === stage);

/** Throws when the stage is not passed. */
const passStage = async (
  context: Context,
  stage: Stage,
  { auth, userId, address }: InteractiveRequest,
): Promise<Partial<InteractiveOutcome>> => {
  if (stage === 'm.login.password') {
    const user = await verifyLogin(context, auth ?? {}, address);
    if (user !== userId) throw new MatrixError('M_FORBIDDEN', 'Not the user of this session');
  }
  if (stage !== 'm.login.registration_token') return {};
  const registrationToken = auth?.token ?? '';
  if (!(await readRegistrationToken(context.db, registrationToken, context.now()))) {
    throw new MatrixError('M_FORBIDDEN', 'The registration token is not valid');
  }
  return { registrationToken };
};

/**
 * Lets a call through once the caller has gone through one of its flows; throws the 401 challenge until then.
 * A session serves one call of one operation by one user with the same parameters.
 */
export const authenticateInteractively = async (
  context: Context,
  request: InteractiveRequest,
): Promise<InteractiveOutcome> => {
  const { db, now, randomBytes } = context;
  const { auth, flows } = request;
  const purpose = purposeOf(request);
  const begunAfter = now() - limits.uiaSessionLifetimeMs;
  const stored =
    auth?.session === undefined ? undefined : await readUiaSession(db, auth.session, begunAfter);
  if (stored && !stored.purpose.equals(purpose)) {
    throw new MatrixError('M_FORBIDDEN', 'The session was begun for another request');
  }
  const session = stored ?? {
    sessionId: randomBytes(18).toString('base64url'),
    purpose,
    completed: [],
    registrationToken: undefined,
  };
  const begin = async (failure?: MatrixError): Promise<MatrixError> => {
    if (!stored) await transact(db, (tx) => insertUiaSession(tx, session, now()));
    return challenge(request, session, failure);
  };
  if (auth?.session !== undefined && !stored) {
    throw await begin(new MatrixError('M_FORBIDDEN', 'The session is not known or too old'));
  }

  const next = flows
    .filter((flow) => startsWith(flow, session.completed))
    .map((flow) => flow[session.completed.length])
    .find((stage) => stage !== undefined && stage === auth?.type);
  if (next === undefined) {
    const isNews = auth?.type === undefined || session.completed.includes(auth.type);
    throw await begin(
      isNews ? undefined : new MatrixError('M_FORBIDDEN', 'That is no stage that comes next'),
    );
  }
  let passed: Partial<InteractiveOutcome>;
  try {
    passed = await passStage(context, next, request);
  } catch (error) {
    const isRefusal = error instanceof MatrixError && error.errcode === 'M_FORBIDDEN';
    throw isRefusal ? await begin(error) : error;
  }

  const progress = { ...session, ...passed, completed: [...session.completed, next] };
  const isDone = flows.some(
    (flow) => flow.length === progress.completed.length && startsWith(flow, progress.completed),
  );
  if (isDone) {
    const isFirst = !stored || (await transact(db, (tx) => endUiaSession(tx, session.sessionId)));
    if (isFirst) return { registrationToken: progress.registrationToken };
    throw new MatrixError('M_FORBIDDEN', 'The session was used already');
  }
  await transact(db, async (tx) => {
    if (!stored) await insertUiaSession(tx, session, now());
    await writeUiaProgress(tx, progress);
  });
  throw challenge(request, progress);
};
