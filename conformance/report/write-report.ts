import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { StepResult } from '../run-checks.ts';

export type Report = {
  /** URL of what was looked at, or that it was a pair of our own. */
  readonly subject: string;
  readonly startedAt: Date;
  readonly results: readonly StepResult[];
  /** Differences from the baseline; undefined when it was compared with none. */
  readonly differences: readonly string[] | undefined;
};

const table = (results: readonly StepResult[]): string => {
  const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll(/\s+/g, ' ');
  const rows = results.map(
    ({ check, step, outcome, text }) => `| ${check} | ${cell(step)} | ${outcome} | ${cell(text)} |`,
  );
  return ['| check | step | outcome | evidence |', '| --- | --- | --- | --- |', ...rows].join('\n');
};

/** Writes `report.json` for programs and `report.md` for people. */
export const writeReport = async (folder: string, report: Report): Promise<void> => {
  const { subject, startedAt, results, differences } = report;
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
  const count = (outcome: StepResult['outcome']) =>
    results.filter((one) => one.outcome === outcome).length;
  const sections = [
    '# Conformance report',
    `${subject}, ${startedAt.toISOString()}: ${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped.`,
    table(results),
    ...(differences && differences.length > 0
      ? ['## Not as the baseline has it', ...differences.map((one) => `- ${one}`)]
      : []),
  ];
  await writeFile(join(folder, 'report.md'), `${sections.join('\n\n')}\n`);
};
