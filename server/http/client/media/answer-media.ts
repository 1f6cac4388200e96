import { Answer, type AnswerFields } from '../../answer.ts';

// https://spec.matrix.org/v1.19/client-server-api/#content-repository
const headers = {
  'Content-Security-Policy':
    "sandbox; default-src 'none'; script-src 'none'; plugin-types application/pdf; style-src 'unsafe-inline'; object-src 'self';",
  'Cross-Origin-Resource-Policy': 'cross-origin',
  // What an address stands for never changes, but it is for those with a session alone.
  'Cache-Control': 'private, max-age=31536000, immutable',
} as const;

/** A file for a client, harmless for browsers that show it. */
export const answerMedia = (
  fields: Required<Pick<AnswerFields, 'body' | 'contentType' | 'length'>>,
  disposition: string,
): Answer => new Answer({ ...fields, headers: { ...headers, 'Content-Disposition': disposition } });
