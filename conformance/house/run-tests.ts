import { globSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { type FileReport, runTestFile } from './run-test-file.ts';

// Every test file of the five packages, or those whose path contains one of the arguments.
const top = join(import.meta.dirname, '../..');
const wanted = process.argv.slice(2);
const waiting = globSync('{spec,federation,server,client-sdk,conformance}/**/*.test.ts', {
  cwd: top,
  exclude: (path) => path.endsWith('node_modules'),
})
  .filter((path) => wanted.length === 0 || wanted.some((part) => path.includes(part)))
  .sort();
const jobs = Number(process.env['CANDOR_TEST_JOBS'] ?? 2);
const reports: FileReport[] = [];

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
const indented = (text: string) => text.trimEnd().replaceAll(/^/gm, '    ');

const show = (report: FileReport) => {
  const { path, passed, failures, skips } = report;
  const counts = [`${passed} passed`, `${failures.length} failed`];
  if (skips.length > 0) counts.push(`${skips.length} skipped`);
  console.log(
    `${failures.length > 0 ? 'FAIL' : 'ok  '} ${path} (${counts.join(', ')}, ${seconds(report.durationMs)})`,
  );
  for (const { name, diagnostics } of failures) {
    console.log(`  not ok: ${name}`);
    for (const [key, value] of Object.entries(diagnostics ?? {})) {
      const text =
        typeof value === 'string' ? value : inspect(value, { depth: 6, breakLength: 100 });
      console.log(indented(`${key}: ${text.includes('\n') ? `\n${text}` : text}`));
    }
  }
  if (failures.length > 0 && report.otherOutput.trim()) {
    console.log(`  other output of ${path}:\n${indented(report.otherOutput)}`);
  }
};

const work = async () => {
  for (let path = waiting.shift(); path; path = waiting.shift()) {
    const report = await runTestFile(path);
    reports.push(report);
    show(report);
  }
};

process.chdir(top);
await Promise.all(Array.from({ length: jobs }, work));

const sum = (count: (report: FileReport) => number) =>
  reports.reduce((total, one) => total + count(one), 0);
const passed = sum((one) => one.passed);
const failed = sum((one) => one.failures.length);
const skipped = sum((one) => one.skips.length);
for (const { path, skips } of reports) {
  for (const { name, reason } of skips) console.log(`skipped: ${path}: ${name}: ${reason}`);
}
if (passed + failed === 0) console.log('no test was run');
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
