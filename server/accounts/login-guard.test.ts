import t from 'tap';
import { transact } from '../storage/database.ts';
import { writeLastSeen } from '../storage/devices.ts';
import { startTestServer } from '../testing/start-server.ts';
import { LoginGuard } from './login-guard.ts';

t.test('guessing from everywhere is slowed, and does not lock the owner out', async (t) => {
  const server = await startTestServer(t);
  const { db } = server.context;
  const { userId, deviceId } = await server.register('alice');
  const at = Date.now();
  const seen = { userId, deviceId, at, address: '203.0.113.9', agent: undefined };
  await transact(db, (tx) => writeLastSeen(tx, [seen]));
  let now = 0;
  const guard = new LoginGuard(db, () => now, true);
  const ask = (address: string, user = userId) => guard.refuseGuessing(user, address);

  for (let count = 0; count < 50; count += 1) {
    const address = `198.51.100.${count}`;
    await ask(address);
    guard.noteFailure(userId, address);
  }
  const refusal = await ask('198.51.100.99').catch((error: unknown) => error);
  t.match(refusal, { errcode: 'M_LIMIT_EXCEEDED', fields: { retry_after_ms: 60_000 } });
  await t.resolves(ask('203.0.113.9'), 'where a device of the account was used');
  await t.resolves(ask('198.51.100.99', '@bob:localhost'), 'other accounts');
  now += 60_000;
  await t.resolves(ask('198.51.100.99'), 'a guess comes back each minute');
  guard.noteFailure(userId, '198.51.100.99');
  await t.rejects(ask('198.51.100.99'));

  for (let count = 0; count < 10; count += 1) {
    await ask('203.0.113.9');
    guard.noteFailure(userId, '203.0.113.9');
  }
  await t.rejects(ask('203.0.113.9'), 'a known network has no end of guesses either');
  now += 12_000;
  await t.resolves(ask('203.0.113.9'));
  await t.resolves(new LoginGuard(db, () => now, false).refuseGuessing(userId, '198.51.100.7'));
});
