/** One breach of a house law: where it is, which law of README.md it breaks, and what to do about it. */
export type Violation = {
  readonly path: string;
  readonly line: number;
  readonly law: number;
  readonly text: string;
};
