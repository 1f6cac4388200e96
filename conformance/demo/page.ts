import { styleText } from 'node:util';

const width = 78;

const print = (line: string): void => {
  process.stdout.write(`${line.trimEnd()}\n`);
};

const dim = (text: string): string => styleText('dim', text);

/** A text cut to what is left of the line. */
const cut = (text: string, room: number): string =>
  text.length > room ? `${text.slice(0, room - 1)}…` : text;

const labelled = (label: string, text: string, paint: (text: string) => string): void => {
  const start = `    ${label.padEnd(16)} `;
  print(start + paint(cut(text, width - start.length)));
};

/** What the demo writes: lines of at most 78 characters, in colour where the terminal has it. */
export const page = {
  title: (text: string): void => print(`\n  ${styleText('bold', text)}`),
  section: (text: string): void =>
    print(`\n  ${styleText(['bold', 'cyan'], text)} ${dim('─'.repeat(width - text.length - 3))}`),
  /** A line of a conversation or a list: who or what, and the text. */
  line: (label: string, text: string): void => labelled(label, text, (one) => one),
  /** The same, for what only machines read. */
  faint: (label: string, text: string): void => labelled(label, text, dim),
  good: (text: string): void => print(`    ${styleText('green', '✓')} ${text}`),
  end: (text: string): void => print(`\n  ${text}\n`),
};
