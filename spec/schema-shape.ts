type Fields = Readonly<Record<string, unknown>>;

/** The part of a JSON Schema that is compared: types and which fields must be there. */
export type Shape = {
  /** Undefined when the schema leaves the type open. */
  readonly type: string | undefined;
  readonly fields: ReadonlyMap<string, Shape>;
  readonly required: ReadonlySet<string>;
  /** What all entries of an array, or all values of a map, look like. */
  readonly each: Shape | undefined;
};

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const open: Shape = { type: undefined, fields: new Map(), required: new Set(), each: undefined };

const merge = (one: Shape, other: Shape): Shape => ({
  type: one.type ?? other.type,
  fields: new Map([...one.fields, ...other.fields]),
  required: new Set([...one.required, ...other.required]),
  each: one.each ?? other.each,
});

const typeOf = (schema: Fields): string | undefined => {
  const { type } = schema;
  if (typeof type === 'string') return type;
  const values: unknown = schema['enum'];
  if (Array.isArray(values) && values.every((one) => typeof one === 'string')) return 'string';
  return isFields(schema['properties']) ? 'object' : undefined;
};

/** Follows `#/components/schemas/…` and merges `allOf`; a choice between schemas is left open. */
export const readShape = (schema: unknown, schemas: Fields): Shape | undefined => {
  if (!isFields(schema)) return undefined;
  const reference = schema['$ref'];
  if (typeof reference === 'string') {
    return readShape(schemas[reference.slice(reference.lastIndexOf('/') + 1)], schemas);
  }
  const properties = isFields(schema['properties']) ? schema['properties'] : {};
  const required: unknown[] = Array.isArray(schema['required']) ? schema['required'] : [];
  const patterns = isFields(schema['patternProperties']) ? schema['patternProperties'] : {};
  const own: Shape = {
    type: typeOf(schema),
    fields: new Map(
      Object.entries(properties).map(([name, one]) => [name, readShape(one, schemas) ?? open]),
    ),
    required: new Set(required.map(String)),
    each: [schema['items'], schema['additionalProperties'], ...Object.values(patterns)]
      .map((one) => readShape(one, schemas))
      .find((one) => one !== undefined),
  };
  const parts: unknown[] = Array.isArray(schema['allOf']) ? schema['allOf'] : [];
  return parts.map((one) => readShape(one, schemas) ?? open).reduce(merge, own);
};

/** How ours differs from theirs, in words. `atLeast`: ours may require more fields than theirs. */
export const differingShapes = (
  at: string,
  ours: Shape | undefined,
  theirs: Shape | undefined,
  required: 'exactly' | 'atLeast',
): string[] => {
  if (!theirs) return [];
  if (!ours) return theirs.required.size > 0 ? [`${at}: is not described`] : [];
  const differences: string[] = [];
  if (ours.type && theirs.type && ours.type !== theirs.type) {
    differences.push(`${at}: should be ${theirs.type}, is ${ours.type}`);
  }
  for (const name of theirs.required) {
    if (!ours.required.has(name)) differences.push(`${at}.${name}: should be required`);
  }
  for (const name of required === 'exactly' ? ours.required : []) {
    if (!theirs.required.has(name)) differences.push(`${at}.${name}: should be optional`);
  }
  for (const [name, shape] of theirs.fields) {
    differences.push(
      ...differingShapes(`${at}.${name}`, ours.fields.get(name) ?? open, shape, required),
    );
  }
  return [...differences, ...differingShapes(`${at}[]`, ours.each ?? open, theirs.each, required)];
};
