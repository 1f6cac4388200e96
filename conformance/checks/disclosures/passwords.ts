import { clientServer } from '@candor/spec';
import { callOperation, demandRefusal } from '../../call-operation.ts';
import { check, demand } from '../../check.ts';
import { findSecrets } from '../../evidence/find-secrets.ts';
import { dumpDatabase, serverMaterial } from '../../evidence/server-material.ts';
import { match } from '../../match.ts';

const attempts = 5;

const loginOf = (user: string, password: string) => ({
  body: { type: 'm.login.password', identifier: { type: 'm.id.user', user }, password },
});

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

/** How long a refused login takes, in milliseconds. */
const refusedLoginMs = async (url: string, user: string): Promise<number> => {
  const startedMs = performance.now();
  const refusal = { status: 403, errcode: 'M_FORBIDDEN' };
  await demandRefusal({ url }, clientServer.login, loginOf(user, 'not the password'), refusal);
  return performance.now() - startedMs;
};

export const passwords = check({
  id: 'passwords',
  run: async ({ subject, step, ownStep }) => {
    const { url } = subject;
    const alice = await subject.register('alice');
    const secret = { name: "alice's password", bytes: Buffer.from(alice.password) };

    await step('a password opens its account and no other does', async () => {
      const made = await callOperation(
        { url },
        clientServer.login,
        loginOf(alice.userId, alice.password),
      );
      demand(match(made, { user_id: alice.userId, access_token: /./ }, 'the login'));
      await refusedLoginMs(url, alice.userId);
      return `login of ${alice.userId}`;
    });

    await step('a login takes the same time whether the user exists or not', async () => {
      const nobody = alice.userId.replace('@alice', '@nobody');
      const [known, unknown]: [number[], number[]] = [[], []];
      for (let attempt = 0; attempt < attempts; attempt += 1) {
        known.push(await refusedLoginMs(url, alice.userId));
        unknown.push(await refusedLoginMs(url, nobody));
      }
      const [there, notThere] = [median(known), median(unknown)];
      // Without a hash for the unknown user the two are a factor of ten and more apart.
      if (notThere < there / 2 || notThere > there * 2)
        throw new Error(`${there.toFixed(0)} ms for a user, ${notThere.toFixed(0)} ms for nobody`);
      return `medians of ${attempts}: ${there.toFixed(0)} ms and ${notThere.toFixed(0)} ms`;
    });

    await ownStep(
      'the stored hash is Argon2id with time 3, memory 64 MiB, 4 lanes',
      'it reads the database',
      async ({ servers: [first] }) => {
        const users = (await dumpDatabase(first)).rows('users');
        const row = users.find((one) => one['user_id'] === alice.userId);
        const hash = Object.values(row ?? {}).find(
          (value) => typeof value === 'string' && value.startsWith('$'),
        );
        const [, algorithm, version, parameters = ''] = String(hash).split('$');
        demand(
          match({ algorithm, version }, { algorithm: 'argon2id', version: 'v=19' }, 'the hash'),
        );
        demand(match(parameters.split(',').sort(), ['m=65536', 'p=4', 't=3'], 'its parameters'));
        return `$${algorithm}$${version}$${parameters}$…`;
      },
    );

    await ownStep(
      'no password is in the database, the data directory or the log',
      'it reads disk and log',
      async ({ servers: [first] }) => {
        const changed = 'a changed password, long enough';
        await callOperation(alice, clientServer.changePassword, {
          body: {
            new_password: changed,
            auth: { ...loginOf(alice.userId, alice.password).body },
          },
        });
        const materials = await serverMaterial(first);
        const typed = { name: 'a mistyped password', bytes: Buffer.from('not the password') };
        const now = { name: 'the new password', bytes: Buffer.from(changed) };
        demand(findSecrets(materials, [secret, typed, now]).at(0));
        const there = { name: 'the user id', bytes: Buffer.from(alice.userId) };
        if (findSecrets(materials, [there]).length === 0)
          throw new Error('the search does not even find the user id: it proves nothing');
        return `3 passwords looked for in ${materials.length} files`;
      },
    );
  },
});
