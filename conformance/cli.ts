import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Baseline, baselineOf, compareBaseline } from './baseline/compare-baseline.ts';
import { printStep } from './report/print-step.ts';
import { writeReport } from './report/write-report.ts';
import { loadChecks, runChecks, type StepResult } from './run-checks.ts';
import { ownSubject, remoteSubject } from './subject.ts';

const usage = `usage: npm run conformance -- [OPTION …] [WORD …]

Runs the checks whose path contains one of the words; all of them without words.

options
  --homeserver URL           the homeserver to check; without it a pair of our own is started
  --registration-secret S    how accounts are made there; without it registration has to be open
  --report DIR               writes report.json and report.md
  --baseline FILE            the outcomes to expect; ours are expected of a pair of our own
  --write-baseline           writes the outcomes to that file instead of comparing them

exit status: 0 all as expected, 1 not, 2 wrong usage
`;

const readFlags = () => {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        homeserver: { type: 'string' },
        'registration-secret': { type: 'string' },
        report: { type: 'string' },
        baseline: { type: 'string' },
        'write-baseline': { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n\n${usage}`);
    return process.exit(2);
  }
};

const { values, positionals: words } = readFlags();
if (values.help) {
  process.stdout.write(usage);
  process.exit(0);
}

const startedAt = new Date();
const checks = await loadChecks(words);
const isOwn = values.homeserver === undefined;
const started = isOwn ? await ownSubject() : undefined;
const subject =
  started ??
  remoteSubject((values.homeserver ?? '').replace(/\/+$/, ''), values['registration-secret']);
const stop = async () => started?.stop();
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void stop().finally(() => process.exit(130)));

let lastCheck = '';
const results: StepResult[] = [];
try {
  await runChecks(checks, subject, (result) => {
    console.log(printStep(result, result.check !== lastCheck));
    lastCheck = result.check;
    results.push(result);
  });
} finally {
  await stop();
}

const file =
  values.baseline ?? (isOwn ? join(import.meta.dirname, 'baseline/own-pair.json') : undefined);
let differences: string[] | undefined;
if (file !== undefined && values['write-baseline'])
  await writeFile(file, `${JSON.stringify(baselineOf(results), null, 2)}\n`);
else if (file !== undefined) {
  const baseline = JSON.parse(await readFile(file, 'utf8')) as Baseline;
  const names = checks.map(({ name }) => name);
  differences = compareBaseline(baseline, results, names);
}

if (values.report !== undefined) {
  const name = values.homeserver ?? 'a pair of our own';
  await writeReport(values.report, { subject: name, startedAt, results, differences });
}
const count = (outcome: string) => results.filter((one) => one.outcome === outcome).length;
if (differences && differences.length > 0)
  console.log(`\nnot as the baseline has it:\n${differences.map((one) => `  ${one}`).join('\n')}`);
console.log(`\n${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped`);
const isWell = differences ? differences.length === 0 : count('failed') === 0;
process.exitCode = isWell && results.length > 0 ? 0 : 1;
