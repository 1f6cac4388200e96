import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import type { AdminRequest } from '../admin/admin-request.ts';
import type { AdminAnswer } from '../admin/administer.ts';
import { answerAdmin, type ControlAnswer, controlSocketPath } from '../admin/control-socket.ts';
import { OperatorError } from '../config/operator-error.ts';
import type { Config } from '../config/read-config.ts';
import { createLog } from '../log.ts';
import { openOffline } from '../server.ts';
import { makeDataDir } from '../storage/make-data-dir.ts';

/** What the running server answers; undefined when none runs. */
const askServer = async (
  path: string,
  request: AdminRequest,
): Promise<ControlAnswer | undefined> => {
  const socket = connect(path);
  const isOpen = await new Promise<boolean>((resolve) => {
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
  });
  if (!isOpen) return undefined;
  socket.end(JSON.stringify(request));
  const line = await text(socket);
  if (line === '') throw new OperatorError('the server stopped before it answered');
  return JSON.parse(line);
};

const dateOf = (at: number): string => new Date(at).toISOString();

const linesOf = (answer: AdminAnswer): readonly string[] => {
  if ('accounts' in answer)
    return answer.accounts.map((account) =>
      [
        account.userId,
        dateOf(account.createdAt),
        ...(account.isAdmin ? ['admin'] : []),
        ...(account.isLocked ? ['locked'] : []),
        ...(account.isDeactivated ? ['deactivated'] : []),
        ...(account.mustChangePassword && !account.isDeactivated ? ['must-change-password'] : []),
      ].join('\t'),
    );
  if ('tokens' in answer)
    return answer.tokens.map(({ token, uses, usesAllowed, expiresAt }) =>
      [
        token,
        `${uses} of ${usesAllowed ?? 'any number of'} uses`,
        expiresAt === undefined ? 'does not expire' : `until ${dateOf(expiresAt)}`,
      ].join('\t'),
    );
  if ('token' in answer) return [answer.token];
  if (answer.password === undefined) return [answer.userId];
  return [
    answer.userId,
    answer.password,
    'The password is shown this once. With it the user can sign in and read; until they give a password of their own the account counts as suspended.',
  ];
};

/** Carries out one request and prints what it gives, a line each; 0 when done. */
export const admin = async (config: Config, request: AdminRequest): Promise<number> => {
  await makeDataDir(config.dataDir, 0o700);
  const path = await controlSocketPath(config.dataDir);
  let own: Awaited<ReturnType<typeof openOffline>> | undefined;
  const ask = async (one: AdminRequest): Promise<AdminAnswer> => {
    let said = own ? undefined : await askServer(path, one);
    if (!said) {
      own ??= await openOffline(config, createLog({ level: 'error', destination: process.stderr }));
      said = await answerAdmin(own.context, one);
    }
    if ('error' in said) throw new OperatorError(said.error);
    return said.answer;
  };
  try {
    for (let next: AdminRequest | undefined = request; next; ) {
      const answer: AdminAnswer = await ask(next);
      for (const line of linesOf(answer)) process.stdout.write(`${line}\n`);
      const last = 'accounts' in answer ? answer.accounts.at(-1) : undefined;
      next = last && { command: 'list-users', after: last.userId };
    }
  } finally {
    await own?.stop();
  }
  return 0;
};
