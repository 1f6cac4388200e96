import type { Operation } from './operation.ts';
import { differingShapes, readShape } from './schema-shape.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Something that an operation of ours has otherwise than the upstream document. */
export type Difference = { readonly id: string; readonly what: string };

export type Comparison = {
  /** Ids of operations that upstream has and we do not describe. */
  readonly missing: readonly string[];
  readonly differences: readonly Difference[];
};

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const fieldsAt = (value: unknown, ...path: readonly string[]): Fields => {
  let here = value;
  for (const name of path) here = isFields(here) ? here[name] : undefined;
  return isFields(here) ? here : {};
};

type UpstreamOperation = {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly description: Fields;
};

// Two paths upstream end in a space, so that one route can have two operations.
const readOperations = (document: unknown): UpstreamOperation[] =>
  Object.entries(fieldsAt(document, 'paths')).flatMap(([path, methods]) =>
    Object.entries(fieldsAt(methods)).flatMap(([method, description]) => {
      const { operationId } = fieldsAt(description);
      if (typeof operationId !== 'string') return [];
      return [
        {
          id: operationId,
          method: method.toUpperCase(),
          path: path.trim(),
          description: fieldsAt(description),
        },
      ];
    }),
  );

type Parameter = { readonly place: string; readonly name: string; readonly required: boolean };

const upstreamParameters = ({ description }: UpstreamOperation): Parameter[] => {
  const parameters: unknown[] = Array.isArray(description['parameters'])
    ? description['parameters']
    : [];
  return parameters.filter(isFields).flatMap((one) =>
    // A header is not described, and a parameter that is an object stands for any query keys.
    one['in'] === 'header' || fieldsAt(one, 'schema')['type'] === 'object'
      ? []
      : [
          {
            place: String(one['in']),
            name: String(one['name']),
            required: one['required'] === true,
          },
        ],
  );
};

const ourParameters = ({ params, query }: Operation): Parameter[] =>
  [
    { place: 'path', schema: params },
    { place: 'query', schema: query },
  ].flatMap(({ place, schema }) =>
    Object.keys(schema?.properties ?? {}).map((name) => ({
      place,
      name,
      required: schema?.required?.includes(name) ?? false,
    })),
  );

const differingParameters = (
  ours: readonly Parameter[],
  theirs: readonly Parameter[],
): string[] => {
  const same = (one: Parameter) => (other: Parameter) =>
    one.place === other.place && one.name === other.name;
  return [
    ...theirs.flatMap((one) => {
      const found = ours.find(same(one));
      if (!found) return [`${one.place} parameter ${one.name} is missing`];
      if (found.required === one.required) return [];
      return [
        `${one.place} parameter ${one.name} should be ${one.required ? 'required' : 'optional'}`,
      ];
    }),
    ...ours
      .filter((one) => !theirs.some(same(one)))
      .map((one) => `${one.place} parameter ${one.name} is not upstream`),
  ];
};

const differingOperation = (
  ours: Operation,
  theirs: UpstreamOperation,
  document: unknown,
): string[] => {
  const schemas = fieldsAt(document, 'components', 'schemas');
  const shapeUpstream = (...path: readonly string[]) =>
    readShape(
      fieldsAt(theirs.description, ...path, 'content', 'application/json')['schema'],
      schemas,
    );
  const shapeOurs = (schema: Operation['body']) =>
    schema === 'bytes' ? undefined : readShape(schema, {});
  const differences: string[] = [];
  if (ours.method !== theirs.method) differences.push(`the method should be ${theirs.method}`);
  if (ours.path !== theirs.path) differences.push(`the path should be ${theirs.path}`);
  return [
    ...differences,
    ...differingParameters(ourParameters(ours), upstreamParameters(theirs)),
    ...differingShapes('body', shapeOurs(ours.body), shapeUpstream('requestBody'), 'exactly'),
    ...differingShapes(
      'response',
      shapeOurs(ours.response),
      shapeUpstream('responses', '200'),
      'atLeast',
    ),
  ];
};

/**
 * Compares descriptions with an OpenAPI document of the Matrix specification: ids, methods, paths, parameters, and the
 * required fields and types of bodies and answers. Answers may promise more than upstream; bodies may not ask for more.
 */
export const compareWithUpstream = (
  ours: readonly Operation[],
  upstreamDocument: unknown,
): Comparison => {
  const theirs = new Map(readOperations(upstreamDocument).map((one) => [one.id, one]));
  const described = new Set(ours.map(({ id }) => id));
  const differences = ours.flatMap((operation) => {
    const { id } = operation;
    const upstream = theirs.get(id);
    if (!upstream) return [{ id, what: 'upstream has no such operation' }];
    return differingOperation(operation, upstream, upstreamDocument).map((what) => ({ id, what }));
  });
  return { missing: [...theirs.keys()].filter((id) => !described.has(id)), differences };
};
