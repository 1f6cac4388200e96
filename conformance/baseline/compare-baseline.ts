import type { StepResult } from '../run-checks.ts';

/** The outcome of every step that is expected, by check and step. */
export type Baseline = Readonly<Record<string, Readonly<Record<string, StepResult['outcome']>>>>;

/** The baseline that results would be. */
export const baselineOf = (results: readonly StepResult[]): Baseline => {
  const baseline: Record<string, Record<string, StepResult['outcome']>> = {};
  for (const { check, step, outcome } of results) {
    baseline[check] ??= {};
    baseline[check][step] = outcome;
  }
  return baseline;
};

/**
 * Where results are not as expected, in both directions: a step that fails newly, one that passes newly, one that
 * is new, and one that was not run. Only the checks that were run are compared.
 */
export const compareBaseline = (
  baseline: Baseline,
  results: readonly StepResult[],
  checksRun: readonly string[],
): string[] => {
  const found = baselineOf(results);
  return checksRun.flatMap((check) => {
    const [expected, actual] = [baseline[check] ?? {}, found[check] ?? {}];
    const steps = new Set([...Object.keys(expected), ...Object.keys(actual)]);
    return [...steps]
      .filter((step) => expected[step] !== actual[step])
      .map(
        (step) =>
          `${check}: ${step}: ${actual[step] ?? 'not run'}, expected ${expected[step] ?? 'nothing of it'}`,
      );
  });
};
