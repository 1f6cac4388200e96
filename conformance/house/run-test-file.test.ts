import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { runTestFile } from './run-test-file.ts';

/** Runs a file that writes the given TAP and then does what `ending` says. */
const run = (t: { testdir: () => string }, tap: readonly string[], ending = '') => {
  const path = join(t.testdir(), 'written.js');
  writeFileSync(path, `console.log(${JSON.stringify(tap.join('\n'))});\n${ending}`);
  return runTestFile(path);
};

t.test('assertions are counted, subtests are not', async (t) => {
  const report = await run(t, [
    '# Subtest: outer',
    '    ok 1 - a',
    '    not ok 2 - b',
    '      ---',
    '      diff: the difference',
    '      ...',
    '    1..2',
    'not ok 1 - outer',
    'ok 2 - c',
    'ok 3 - d # SKIP no registry here',
    '1..3',
  ]);
  t.equal(report.passed, 2);
  t.same(report.failures, [{ name: 'outer > b', diagnostics: { diff: 'the difference' } }]);
  t.same(report.skips, [{ name: 'd', reason: 'no registry here' }]);
});

t.test('a file fails that dies after its last good assertion', async (t) => {
  const report = await run(
    t,
    ['ok 1 - a', '1..1'],
    "console.error('out of luck'); process.exit(7);",
  );
  t.equal(report.passed, 1);
  t.match(report.failures, [
    { name: 'the file as a whole', diagnostics: { ending: 'exit code 7' } },
  ]);
  t.match(report.otherOutput, 'out of luck');
});

t.test('a file fails that is killed', async (t) => {
  const report = await run(t, ['ok 1 - a', '1..1'], "process.kill(process.pid, 'SIGKILL');");
  t.match(report.failures, [{ diagnostics: { ending: 'SIGKILL' } }]);
});

t.test('a file fails that ends before its plan, or without one', async (t) => {
  t.equal((await run(t, ['1..2', 'ok 1 - a'])).failures.length, 1);
  t.equal((await run(t, ['ok 1 - a'])).failures.length, 1);
});

t.test('a file that asserts nothing fails, unless it says why it is skipped', async (t) => {
  t.match((await run(t, [])).failures, [{ name: 'no assertion was made' }]);
  t.match((await run(t, ['1..0'])).failures, [{ name: 'no assertion was made' }]);
  const skipped = await run(t, ['1..0 # no second machine']);
  t.same(skipped.failures, []);
  t.same(skipped.skips, [{ name: 'the whole file', reason: 'no second machine' }]);
});

t.test('with a seed a file tries the same random values again', async (t) => {
  const before = process.env['CANDOR_FAULT_SEED'];
  t.teardown(() => {
    if (before === undefined) delete process.env['CANDOR_FAULT_SEED'];
    else process.env['CANDOR_FAULT_SEED'] = before;
  });
  const sample =
    "import('fast-check').then(({ default: fc }) => console.error(String(fc.sample(fc.nat(), 9))));";
  const tried = async (seed: string): Promise<string> => {
    process.env['CANDOR_FAULT_SEED'] = seed;
    return (await run(t, ['ok 1 - a', '1..1'], sample)).otherOutput;
  };
  const values = await tried('7');
  t.match(values, /\d/);
  t.equal(await tried('7'), values);
  t.not(await tried('8'), values);
});
