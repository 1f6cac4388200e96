/** A fault the operator can mend: its message says how, and the command line prints it without a stack. */
export class OperatorError extends Error {
  constructor(text: string, options: { readonly cause?: unknown } = {}) {
    super(text, options);
    this.name = 'OperatorError';
  }
}
