import type { StepResult } from '../run-checks.ts';

const signs = { passed: 'ok  ', failed: 'FAIL', skipped: 'skip' } as const;

const indented = (text: string): string => text.trimEnd().replaceAll(/^/gm, '         ');

/** The lines of one step on a terminal; `isFirst` puts its check's name above. */
export const printStep = ({ check, step, outcome, text }: StepResult, isFirst: boolean): string => {
  const heading = isFirst ? `\n${check}\n` : '';
  return `${heading}  ${signs[outcome]}  ${step}${text ? `\n${indented(text)}` : ''}`;
};
