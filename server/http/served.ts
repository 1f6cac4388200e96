import { candor, clientServer, federation, type Operation } from '@candor/spec';
import { candorHandlers } from './candor/index.ts';
import { clientHandlers } from './client/index.ts';
import { federationHandlers } from './federation/index.ts';
import type { AnyHandler } from './route-table.ts';

export type ServedApi = {
  readonly name: string;
  /** Every operation that is described. */
  readonly operations: Readonly<Record<string, Operation>>;
  /** By operation id: those that are served. */
  readonly handlers: Readonly<Record<string, AnyHandler>>;
};

/** What this server serves: routes, the OpenAPI documents and the coverage report are made of it. */
export const servedApis: readonly ServedApi[] = [
  { name: 'client-server', operations: clientServer, handlers: clientHandlers },
  { name: 'server-server', operations: federation, handlers: federationHandlers },
  { name: 'candor', operations: candor, handlers: candorHandlers },
];
