import { globSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Check, Stage, Subject } from './check.ts';

export type StepResult = {
  /** `disclosures/passwords`. */
  readonly check: string;
  readonly step: string;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  /** The evidence, what was wrong, or why it was skipped. */
  readonly text: string;
  readonly durationMs: number;
};

const folder = join(import.meta.dirname, 'checks');
const stepMsMax = 250_000;

const isCheck = (value: unknown): value is Check =>
  typeof value === 'object' && value !== null && 'id' in value && 'run' in value;

/** Every check whose path contains one of the words; all of them without words. */
export const loadChecks = async (
  words: readonly string[] = [],
): Promise<{ name: string; check: Check }[]> => {
  const files = globSync('{disclosures,client,federation}/*.ts', { cwd: folder })
    .filter((file) => !file.endsWith('.test.ts'))
    .filter((file) => words.length === 0 || words.some((word) => file.includes(word)))
    .sort();
  return Promise.all(
    files.map(async (file) => {
      const exported: object = await import(join(folder, file));
      const check = Object.values(exported).find(isCheck);
      const id = basename(file, '.ts');
      if (check?.id !== id) throw new Error(`${file} exports no check with the id '${id}'`);
      return { name: `${dirname(file)}/${id}`, check };
    }),
  );
};

const inTime = async <T>(work: Promise<T>): Promise<T> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done in ${stepMsMax / 1000} s`)), stepMsMax);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
};

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Runs the checks one after the other; `report` hears of each step as it ends. */
export const runChecks = async (
  checks: Awaited<ReturnType<typeof loadChecks>>,
  subject: Subject,
  report: (result: StepResult) => void,
): Promise<void> => {
  for (const { name, check } of checks) {
    const note = (
      step: string,
      outcome: StepResult['outcome'],
      text: string,
      startedMs: number,
    ) => {
      const durationMs = Math.round(performance.now() - startedMs);
      report({ check: name, step, outcome, text, durationMs });
    };
    const step = async (title: string, run: () => Promise<string>): Promise<void> => {
      const startedMs = performance.now();
      try {
        note(title, 'passed', await inTime(run()), startedMs);
      } catch (error) {
        note(title, 'failed', reason(error), startedMs);
      }
    };
    const skip = (title: string, why: string) => note(title, 'skipped', why, performance.now());
    const stage: Stage = {
      subject,
      step,
      skip,
      ownStep: async (title, why, run) => {
        const { own } = subject;
        if (own) await step(title, () => run(own));
        else skip(title, `needs a pair that the suite starts itself: ${why}`);
      },
    };
    const startedMs = performance.now();
    await check.run(stage).catch((error: unknown) => {
      note('what the check does between its steps', 'failed', reason(error), startedMs);
    });
  }
};
