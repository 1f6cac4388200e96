import { MatrixError } from '@candor/spec';

const managed: ReadonlySet<string> = new Set(['m.fully_read', 'm.push_rules']);

/** Throws M_BAD_JSON with 405 for account data that has its own ways to be changed. */
// https://spec.matrix.org/v1.19/client-server-api/#server-behaviour-12
export const refuseManagedType = (type: string): void => {
  if (!managed.has(type)) return;
  throw new MatrixError('M_BAD_JSON', `${type} cannot be set here`, { status: 405 });
};
