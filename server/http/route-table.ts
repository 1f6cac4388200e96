import { MatrixError, type Operation } from '@candor/spec';
import { type OperationSchema, operationSchema } from './operation-schema.ts';

/** A handler whose operation is known only at run time. */
export type AnyHandler = (context: never, request: never) => Promise<unknown>;

export type Route = {
  readonly operation: Operation;
  readonly handler: AnyHandler;
  readonly schema: OperationSchema;
};

type Node = {
  readonly fixed: Map<string, Node>;
  param: Node | undefined;
  /** By method; parameter names in the order of the path. */
  readonly routes: Map<string, { readonly route: Route; readonly names: readonly string[] }>;
};

export type RouteMatch = {
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
};

const newNode = (): Node => ({ fixed: new Map(), param: undefined, routes: new Map() });

const isParam = (segment: string): boolean => segment.startsWith('{') && segment.endsWith('}');

const childFor = (node: Node, segment: string): Node => {
  if (isParam(segment)) {
    node.param ??= newNode();
    return node.param;
  }
  const child = node.fixed.get(segment) ?? newNode();
  node.fixed.set(segment, child);
  return child;
};

const walk = (
  node: Node,
  segments: readonly string[],
  at: number,
  values: string[],
): Node | undefined => {
  const segment = segments[at];
  if (segment === undefined) return node.routes.size > 0 ? node : undefined;
  const fixed = node.fixed.get(segment);
  const found = fixed && walk(fixed, segments, at + 1, values);
  if (found || !node.param) return found;
  values[at] = segment;
  return walk(node.param, segments, at + 1, values);
};

const decodeSegment = (segment: string): string => {
  if (!segment.includes('%')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new MatrixError('M_INVALID_PARAM', 'The path is not percent-encoded UTF-8');
  }
};

/** The path is known, its method is not. */
export class MethodNotAllowed extends MatrixError {
  /** Methods that the path has. */
  readonly allowed: readonly string[];

  constructor(allowed: readonly string[]) {
    super('M_UNRECOGNIZED', 'Method not allowed', { status: 405 });
    this.allowed = allowed;
  }
}

/** Finds the route of a request: fixed path segments before parameters, each segment percent-decoded once. */
export class RouteTable {
  readonly #root = newNode();
  readonly routes: Route[] = [];

  /** Adds every operation that has a handler under its own name. */
  add(
    operations: Readonly<Record<string, Operation>>,
    handlers: Readonly<Record<string, AnyHandler>>,
  ): void {
    for (const [id, handler] of Object.entries(handlers)) {
      const operation = operations[id];
      if (!operation) throw new Error(`handler ${id} has no operation of that name`);
      const route = { operation, handler, schema: operationSchema(operation) };
      this.routes.push(route);
      this.#place(operation.path, route);
      // An empty state key may come without its slash.
      // https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3roomsroomidstateeventtypestatekey
      if (operation.path.endsWith('/{stateKey}')) {
        this.#place(operation.path.slice(0, -'/{stateKey}'.length), route);
      }
      // Clients ask for push rules with the last slash and without it.
      if (operation.path.endsWith('/')) this.#place(operation.path.slice(0, -1), route);
    }
  }

  #place(path: string, route: Route): void {
    const segments = path.split('/').slice(1);
    let node = this.#root;
    for (const segment of segments) node = childFor(node, segment);
    const { method, id } = route.operation;
    if (node.routes.has(method)) throw new Error(`${id} takes the route of another operation`);
    const names = segments.map((segment) => (isParam(segment) ? segment.slice(1, -1) : ''));
    node.routes.set(method, { route, names });
  }

  /** `path` is without the query. Throws M_UNRECOGNIZED with 404 or 405. */
  find(method: string, path: string): RouteMatch {
    const segments = path.split('/').map(decodeSegment);
    const values: string[] = [];
    const node = walk(this.#root, segments.slice(1), 0, values);
    if (!node) throw new MatrixError('M_UNRECOGNIZED', 'Unrecognized request');
    const found =
      node.routes.get(method) ?? (method === 'HEAD' ? node.routes.get('GET') : undefined);
    if (!found) throw new MethodNotAllowed([...node.routes.keys()]);
    const params: Record<string, string> = {};
    for (let at = 0; at < found.names.length; at += 1) {
      const name = found.names[at];
      if (name) params[name] = values[at] ?? '';
    }
    if (found.route.operation.path.endsWith('/{stateKey}')) params['stateKey'] ??= '';
    return { route: found.route, params };
  }
}
