import { answerKeyQuery } from '@candor/federation/transport';
import type { federation, ResponseOf } from '@candor/spec';
import type { Context } from '../../../context.ts';
import { ownDocument } from './own-document.ts';

export type KeyDocumentQuery = { readonly serverName: string; readonly minimumValidUntil: number };
type Answer = ResponseOf<typeof federation.bulkPerspectivesKeyQuery>;

/** The key documents of the servers asked for, ours among them, with our signature as a notary. */
// https://spec.matrix.org/v1.19/server-server-api/#querying-keys-through-another-server
export const answerQueries = async (
  context: Context,
  queries: readonly KeyDocumentQuery[],
): Promise<Answer> => {
  const { config, federation } = context;
  const { serverName } = config;
  const others = queries.filter((query) => query.serverName !== serverName);
  const documents = await federation.keyRing.documentsFor(others);
  if (others.length < queries.length) documents.push(ownDocument(context));
  return answerKeyQuery(documents, serverName, federation.signingKey) as Answer;
};
