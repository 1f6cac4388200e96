/** One sentence of the security page, with what makes it true. */
export type Disclosure = {
  /** Also the name of its check: `conformance/checks/disclosures/<id>.ts`. */
  readonly id: string;
  readonly kind: 'protected' | 'not-protected' | 'process';
  /** What is promised or admitted, in a few words. */
  readonly title: string;
  /** The same in full, as it stands on the page. */
  readonly wording: string;
  /** Figures that the wording rests on, units in the names. */
  readonly parameters?: Readonly<Record<string, string | number>>;
  /** Files and folders that do it, from the top of the repository. */
  readonly code: readonly string[];
  /** First version that claims it; without, it is not there yet. */
  readonly since?: string;
};

export const disclosure = (entry: Disclosure): Disclosure => entry;

/** Where the conformance check of an entry is. */
export const checkPath = ({ id }: Disclosure): string => `conformance/checks/disclosures/${id}.ts`;
