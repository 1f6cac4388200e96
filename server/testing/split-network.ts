import { PeerError } from '@candor/federation/transport';
import type { TestServer } from './start-server.ts';

/** Breaks the way between two groups of servers, in both directions, until the returned function heals it. */
export const splitNetwork = (
  one: readonly TestServer[],
  other: readonly TestServer[],
): (() => void) => {
  const cut = (from: TestServer, to: readonly TestServer[]) => {
    const { client } = from.context.federation;
    const { request, stream } = client;
    const names = new Set(to.map((server) => server.serverName));
    const pass =
      <Q extends { readonly destination: string }, A>(ask: (q: Q) => Promise<A>) =>
      (question: Q): Promise<A> =>
        names.has(question.destination)
          ? Promise.reject(new PeerError('unreachable', `${question.destination} is cut off`))
          : ask(question);
    Object.assign(client, { request: pass(request), stream: pass(stream) });
    return () => Object.assign(client, { request, stream });
  };
  const heals = [
    ...one.map((server) => cut(server, other)),
    ...other.map((server) => cut(server, one)),
  ];
  return () => {
    for (const heal of heals.reverse()) heal();
  };
};
