import type { Operation, ResponseOf } from '@candor/spec';
import { Compile } from 'typebox/compile';
import { demand } from './check.ts';
import { type Expected, match } from './match.ts';
import { type ReceivedAnswer, sendRequest } from './send-request.ts';

export type Caller = {
  readonly url: string;
  readonly accessToken?: string;
  readonly ca?: string | undefined;
};

export type CallParts = {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
};

const send = (caller: Caller, operation: Operation, parts: CallParts): Promise<ReceivedAnswer> => {
  const { params = {}, query = {}, body } = parts;
  const path = operation.path.replaceAll(/\{(\w+)\}/g, (_, name) =>
    encodeURIComponent(params[name] ?? ''),
  );
  const search = new URLSearchParams(query).toString();
  const { accessToken: token, ca } = caller;
  return sendRequest(`${caller.url}${path}${search && `?${search}`}`, {
    method: operation.method,
    body,
    ...(token !== undefined && { token }),
    ...(ca !== undefined && { ca }),
  });
};

const validators = new Map<Operation, ReturnType<typeof Compile>>();

const faultOfAnswer = (operation: Operation, json: unknown): string | undefined => {
  if (operation.response === 'bytes') return undefined;
  const validator = validators.get(operation) ?? Compile(operation.response);
  validators.set(operation, validator);
  if (validator.Check(json)) return undefined;
  const [error] = validator.Errors(json);
  return `the answer of ${operation.id} breaks its schema at '${error?.instancePath}': ${error?.message}`;
};

/** Calls an operation, demands that it is done, and checks the answer against its schema. */
export const callOperation = async <O extends Operation>(
  caller: Caller,
  operation: O,
  parts: CallParts = {},
): Promise<ResponseOf<O, Buffer>> => {
  const { status, json, bytes } = await send(caller, operation, parts);
  if (status !== 200) throw new Error(`${operation.id} was answered with ${status}: ${bytes}`);
  demand(faultOfAnswer(operation, json));
  return (operation.response === 'bytes' ? bytes : json) as ResponseOf<O, Buffer>;
};

/** Calls an operation and demands that it is refused so, in the form that every error has, perhaps in these words. */
export const demandRefusal = async (
  caller: Caller,
  operation: Operation,
  parts: CallParts,
  refusal: { readonly status: Expected; readonly errcode: Expected; readonly error?: RegExp },
): Promise<void> => {
  const answer = await send(caller, operation, parts);
  const { status, errcode, error = /./ } = refusal;
  const expected = { status, json: { errcode, error } };
  demand(match(answer, expected, `the answer of ${operation.id}`));
};
