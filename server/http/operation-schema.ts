import { type ErrorCode, MatrixError, type Operation } from '@candor/spec';
import type { TObject, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';

type Part = 'params' | 'query' | 'body' | 'response';
type Validator = ReturnType<typeof Compile>;

/** Checks the parts of one operation's requests and answers; each validator is compiled at its first use. */
export type OperationSchema = {
  /** Turns a query string into the types of the operation's query. */
  readQuery(text: string): Record<string, unknown>;
  /** Throws M_MISSING_PARAM or M_INVALID_PARAM. */
  check(part: 'params' | 'query', value: unknown): void;
  /** The body as handlers get it. Throws M_MISSING_PARAM or M_BAD_JSON. */
  readBody(value: unknown): unknown;
  /** What is wrong with an answer, or undefined. */
  faultOfAnswer(value: unknown): string | undefined;
};

const refusal = (part: Part, validator: Validator, value: unknown): MatrixError => {
  const errors = validator.Errors(value);
  const error = errors.find(({ keyword }) => keyword === 'required') ?? errors[0];
  const at = error?.instancePath ? `${error.instancePath.slice(1)}: ` : '';
  let errcode: ErrorCode = part === 'body' ? 'M_BAD_JSON' : 'M_INVALID_PARAM';
  if (error?.keyword === 'required') errcode = 'M_MISSING_PARAM';
  return new MatrixError(errcode, `${at}${error?.message ?? 'is not valid'}`);
};

/** Many clients write null where they mean to leave out, and other homeservers take it so. */
const withoutNulls = (schema: TSchema, value: unknown): unknown => {
  const known: object = 'properties' in schema ? (schema as TObject).properties : {};
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const entries = Object.entries(value);
  return Object.fromEntries(
    entries.filter(([name, field]) => field !== null || !Object.hasOwn(known, name)),
  );
};

type QueryReader = (values: readonly string[]) => unknown;

const readNumber: QueryReader = ([text = '']) => (/^-?\d{1,16}$/.test(text) ? Number(text) : text);

const readBoolean: QueryReader = ([text]) =>
  text === 'true' ? true : text === 'false' ? false : text;

const readText: QueryReader = ([text]) => text;

const readerOf = (schema: TSchema): QueryReader => {
  switch ('type' in schema ? schema.type : undefined) {
    case 'integer':
    case 'number':
      return readNumber;
    case 'boolean':
      return readBoolean;
    case 'array':
      return (values) => values;
    default:
      return readText;
  }
};

const queryReaders = (query: TObject | undefined): ReadonlyMap<string, QueryReader> =>
  new Map(
    Object.entries(query?.properties ?? {}).map(([name, schema]) => [name, readerOf(schema)]),
  );

const nothing: Record<string, unknown> = Object.freeze({});

export const operationSchema = (operation: Operation): OperationSchema => {
  const validators: Partial<Record<Part, Validator>> = {};
  const readers = queryReaders(operation.query);

  const validatorOf = (part: Part): Validator | undefined => {
    const schema = operation[part];
    if (!schema || schema === 'bytes') return undefined;
    validators[part] ??= Compile(schema);
    return validators[part];
  };

  return {
    readQuery(text) {
      if (text === '' || readers.size === 0) return nothing;
      const found = new URLSearchParams(text);
      const query: Record<string, unknown> = {};
      for (const [name, reader] of readers) {
        const values = found.getAll(name);
        if (values.length > 0) query[name] = reader(values);
      }
      return query;
    },
    check(part, value) {
      const validator = validatorOf(part);
      if (validator && !validator.Check(value)) throw refusal(part, validator, value);
    },
    readBody(value) {
      const validator = validatorOf('body');
      if (!validator || validator.Check(value)) return value;
      const given = operation.body === 'bytes' ? value : withoutNulls(operation.body ?? {}, value);
      if (validator.Check(given)) return given;
      throw refusal('body', validator, given);
    },
    faultOfAnswer(value) {
      const validator = validatorOf('response');
      if (!validator || validator.Check(value)) return undefined;
      return refusal('response', validator, value).message;
    },
  };
};
