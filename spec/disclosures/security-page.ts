import { checkPath, type Disclosure } from './disclosure.ts';

/** Answers whether a path, from the top of the repository, is there. */
export type IsThere = (path: string) => boolean;

/** A promise is kept when it is claimed, and its code and its check are both there. */
export const isKept = (entry: Disclosure, isThere: IsThere): boolean =>
  entry.since !== undefined && [...entry.code, checkPath(entry)].every(isThere);

const link = (path: string): string => `[\`${path}\`](${path})`;

const figures = ({ parameters = {} }: Disclosure): string[] => {
  const texts = Object.entries(parameters).map(([name, value]) => `${name} ${value}`);
  return texts.length > 0 ? [`Figures: ${texts.join(', ')}.`] : [];
};

const paragraph = (entry: Disclosure, more: readonly string[] = []): string =>
  [`**${entry.title}** (\`${entry.id}\`). ${entry.wording}`, ...figures(entry), ...more].join(' ');

const keptParagraph = (entry: Disclosure): string =>
  paragraph(entry, [
    `Code: ${entry.code.map(link).join(', ')}; check: ${link(checkPath(entry))}; since ${entry.since}.`,
  ]);

const lacking = ({ since }: Disclosure): string =>
  since === undefined ? 'not built' : 'no check proves it yet';

const section = (heading: string, intro: string, blocks: readonly string[]): string[] =>
  blocks.length > 0 ? [`## ${heading}`, intro, ...blocks] : [];

/** SECURITY.md: only what is kept now is promised, the rest is said not to be there. */
export const securityPage = (register: readonly Disclosure[], isThere: IsThere): string => {
  const promises = register.filter(({ kind }) => kind === 'protected');
  const kept = promises.filter((entry) => isKept(entry, isThere));
  const limits = register.filter(({ kind }) => kind === 'not-protected');
  const absent = register.filter(({ kind, since }) => kind !== 'protected' && since === undefined);
  const notYet = [...promises.filter((entry) => !kept.includes(entry)), ...absent];
  const shown = ({ since }: Disclosure) => since !== undefined;
  return `${[
    '# Security',
    '<!-- Written by `npm run security-page` from spec/disclosures. Change the register, not this page. -->',
    'Each promise and each limit below is an entry of a register. A promise appears once the code that keeps it and the check that would fail without it are both in this repository, and goes back to "Not there yet" when one of them is taken away.',
    ...section(
      'What is protected',
      'Encryption between people is done by the client SDK. Another Matrix client brings its own.',
      kept.map(keptParagraph),
    ),
    ...section(
      'What is not protected',
      'This is what the operator of a server, or someone who breaks into it, can see or do.',
      limits.filter(shown).map((entry) => paragraph(entry)),
    ),
    ...section('Not there yet', 'Do not rely on any of these.', [
      notYet.map((entry) => `- ${entry.title} (\`${entry.id}\`): ${lacking(entry)}.`).join('\n'),
    ]),
    ...section(
      'Reporting',
      'Every report is read.',
      register
        .filter(({ kind }) => kind === 'process')
        .filter(shown)
        .map((entry) => paragraph(entry)),
    ),
  ].join('\n\n')}\n`;
};
