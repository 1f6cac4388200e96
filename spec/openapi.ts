import { authenticationResponse } from './client-server/authentication-data.ts';
import type { Operation, OperationAuth } from './operation.ts';

type Json = Readonly<Record<string, unknown>>;

export type DocumentInfo = {
  readonly title: string;
  /** Version of the software that serves this. */
  readonly version: string;
};

const securitySchemes: Json = {
  accessToken: {
    type: 'http',
    scheme: 'bearer',
    description: 'The access token of a login; also as the query parameter `access_token`.',
  },
  appservice: { type: 'http', scheme: 'bearer', description: 'The `as_token`.' },
  signedRequest: {
    type: 'apiKey',
    in: 'header',
    name: 'Authorization',
    description: 'A request signed by another homeserver, in the scheme `X-Matrix`.',
  },
};

const security: Readonly<Record<OperationAuth, readonly Json[]>> = {
  none: [],
  accessToken: [{ accessToken: [] }],
  accessTokenOptional: [{}, { accessToken: [] }],
  appservice: [{ appservice: [] }],
  signedRequest: [{ signedRequest: [] }],
};

// https://spec.matrix.org/v1.19/client-server-api/#standard-error-response
const errorSchema: Json = {
  type: 'object',
  required: ['errcode', 'error'],
  properties: { errcode: { type: 'string' }, error: { type: 'string' } },
};

const limitedSchema: Json = {
  ...errorSchema,
  properties: {
    errcode: { const: 'M_LIMIT_EXCEEDED' },
    error: {},
    retry_after_ms: { type: 'integer' },
  },
};

/** A stage of the authentication, or plainly no access token. */
const wantedSchema: Json = {
  anyOf: [authenticationResponse, { $ref: '#/components/schemas/Error' }],
};

const answer = (description: string, schema: unknown): Json => ({
  description,
  content: { 'application/json': { schema } },
});

const contentOf = (schema: Operation['response']): Json =>
  schema === 'bytes' ? { '*/*': {} } : { 'application/json': { schema } };

/** No body at all is taken for an empty object. */
const isBodyRequired = (body: NonNullable<Operation['body']>): boolean => {
  if (body === 'bytes' || !('type' in body) || body.type !== 'object') return true;
  return 'required' in body && Array.isArray(body.required) && body.required.length > 0;
};

const parametersOf = ({ params, query }: Operation): Json[] =>
  [
    { place: 'path', schema: params },
    { place: 'query', schema: query },
  ].flatMap(({ place, schema: object }) =>
    Object.entries(object?.properties ?? {}).map(([name, schema]) => ({
      name,
      in: place,
      required: object?.required?.includes(name) ?? false,
      schema,
    })),
  );

const responsesOf = ({ response, rateLimit, uia, upgrade }: Operation): Json => ({
  ...(upgrade
    ? { 101: { description: 'A WebSocket; each frame is a JSON text.', 'x-frame': response } }
    : { 200: { description: 'Done.', content: contentOf(response) } }),
  ...(uia ? { 401: answer('Authentication is wanted.', wantedSchema) } : {}),
  ...(rateLimit ? { 429: answer('Too many requests.', limitedSchema) } : {}),
  default: answer('Refused.', { $ref: '#/components/schemas/Error' }),
});

const describe = (operation: Operation): Json => {
  const { id, summary, deprecated, auth, body, rateLimit } = operation;
  const parameters = parametersOf(operation);
  return {
    operationId: id,
    summary,
    ...(deprecated ? { deprecated } : {}),
    security: security[auth],
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(body ? { requestBody: { required: isBodyRequired(body), content: contentOf(body) } } : {}),
    responses: responsesOf(operation),
    ...(rateLimit ? { 'x-rate-limit-bucket': rateLimit } : {}),
  };
};

/** The OpenAPI 3.1 document of the operations handed in: those that have a handler, so that it tells what is really served. */
export const openApiDocument = (operations: readonly Operation[], info: DocumentInfo): Json => {
  const paths: Record<string, Record<string, Json>> = {};
  const inOrder = operations.toSorted(
    (one, other) => one.path.localeCompare(other.path) || one.method.localeCompare(other.method),
  );
  for (const operation of inOrder) {
    paths[operation.path] = {
      ...paths[operation.path],
      [operation.method.toLowerCase()]: describe(operation),
    };
  }
  const used = new Set<string>(
    operations.flatMap(({ auth }) => security[auth].flatMap(Object.keys)),
  );
  return {
    openapi: '3.1.0',
    info: { ...info, license: { name: 'AGPL-3.0-only', identifier: 'AGPL-3.0-only' } },
    paths,
    components: {
      securitySchemes: Object.fromEntries(
        Object.entries(securitySchemes).filter(([name]) => used.has(name)),
      ),
      schemas: { Error: errorSchema },
    },
  };
};
