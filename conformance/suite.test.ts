import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { type Baseline, compareBaseline } from './baseline/compare-baseline.ts';
import { loadChecks, runChecks, type StepResult } from './run-checks.ts';
import { ownSubject } from './subject.ts';

// The checks bring a pair of servers up and talk over it; each step has its own limit.
const timeout = 560_000;
t.setTimeout(timeout);

const file = join(import.meta.dirname, 'baseline/own-pair.json');
const baseline = JSON.parse(readFileSync(file, 'utf8')) as Baseline;

t.test('every check ends as the baseline says', { timeout }, async (t) => {
  const checks = await loadChecks();
  const subject = await ownSubject();
  t.teardown(subject.stop);
  const results: StepResult[] = [];
  await runChecks(checks, subject, (result) => {
    results.push(result);
    const { check, step, outcome, text } = result;
    t.equal(outcome, baseline[check]?.[step], `${check}: ${step}: ${text}`);
  });
  const names = checks.map(({ name }) => name);
  t.strictSame(compareBaseline(baseline, results, names), []);
});
