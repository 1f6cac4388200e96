import t from 'tap';
import { createLog, type LogLevel } from './log.ts';

const capture = (level: LogLevel = 'info') => {
  const lines: string[] = [];
  const log = createLog({ level, destination: { write: (line) => void lines.push(line) } });
  return { log, lines, last: () => JSON.parse(lines.at(-1) ?? '{}') };
};

t.test('a line is JSON with its level, part, time and text', async (t) => {
  const { log, last } = capture();
  log.child({ part: 'sync' }).info({ rooms: 3 }, 'answered');
  t.match(last(), { level: 'info', part: 'sync', rooms: 3, msg: 'answered', time: /^20\d\d-.*Z$/ });
  t.notOk('pid' in last());
});

t.test('lines below the level are not written', async (t) => {
  const { log, lines } = capture('warn');
  log.info('quiet');
  log.warn('loud');
  t.equal(lines.length, 1);
});

t.test('secret fields are redacted at every depth, in lists and in child bindings', async (t) => {
  const { log, lines } = capture();
  const secret = 'syt_very_secret';
  log.info({ password: secret }, 'a');
  log.info({ request: { headers: { Authorization: `Bearer ${secret}` } } }, 'b');
  log.info({ events: [{ type: 'm.room.message', content: { body: secret } }] }, 'c');
  log.info({ answer: { access_token: secret, refresh_token: secret, newPassword: secret } }, 'd');
  log.child({ token: secret }).info('e');
  log
    .child({ part: 'a' })
    .child({ user: { password: secret } })
    .info('g');
  log.info({ bytes: Buffer.from(secret) }, 'f');
  t.equal(lines.length, 7);
  for (const line of lines) t.notMatch(line, secret);
  t.match(lines[2], /m\.room\.message/);
});

t.test('secrets inside texts are redacted', async (t) => {
  const { log, lines } = capture();
  log.info({ url: '/sync?access_token=syt_secret&timeout=0' }, 'got /x?access_token=syt_secret');
  log.info('Authorization: Bearer syt_secret');
  log.info('Authorization: X-Matrix origin="a.example",key="ed25519:1",sig="syt_secret"');
  log.info({ to: 'postgres://candor:syt_secret@db.example/candor' }, 'connected');
  for (const line of lines) {
    t.notMatch(line, 'syt_secret');
    t.doesNotThrow(() => JSON.parse(line));
  }
  t.match(lines[0], /timeout=0/);
  t.match(lines[3], /db\.example/);
});

t.test('an error keeps its text, code, stack and cause but not the row values', async (t) => {
  const { log, last, lines } = capture();
  const cause = Object.assign(new Error('duplicate key'), {
    code: '23505',
    detail: 'Key (token)=(syt_secret) already exists.',
  });
  log.error({ err: new Error('could not store', { cause }) }, 'failed');
  log.error(cause);
  for (const line of lines) t.notMatch(line, 'syt_secret');
  t.match(last(), { err: { message: 'duplicate key', code: '23505', stack: /log\.test/ } });
  t.match(JSON.parse(lines[0] ?? ''), { err: { cause: { message: 'duplicate key' } } });
});
