import { setTimeout } from 'node:timers/promises';
import type { TestServer, TestUser } from './start-server.ts';

const enc = encodeURIComponent;
let sent = 0;

/** A user with the server that the account is on. */
export type TestPerson = TestUser & { readonly server: TestServer };

/** What people do in rooms over the client API; each throws when it is refused. */
export const person = async (server: TestServer, name: string) => {
  const user = await server.register(name);
  const token = user.accessToken;
  const request = (method: string, path: string, body?: unknown) =>
    server.request(method, `/_matrix/client/v3${path}`, {
      token,
      ...(body !== undefined && { body }),
    });
  const insist = async (method: string, path: string, body?: unknown) => {
    const answer = await request(method, path, body);
    if (answer.status === 200) return answer.body;
    throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  };
  return {
    ...user,
    server,
    /** The answer, whatever it is. */
    request,
    /** The body of a 200 answer. */
    insist,
    createRoom: async (body: object): Promise<string> =>
      (await insist('POST', '/createRoom', body)).room_id,
    join: (roomId: string, via: TestServer): Promise<void> =>
      insist('POST', `/join/${enc(roomId)}?via=${enc(via.serverName)}`, {}),
    send: async (roomId: string, type: string, content: object): Promise<string> => {
      sent += 1;
      const path = `/rooms/${enc(roomId)}/send/${enc(type)}/t${sent}`;
      return (await insist('PUT', path, content)).event_id;
    },
    say: async (roomId: string, text: string): Promise<string> => {
      sent += 1;
      const path = `/rooms/${enc(roomId)}/send/m.room.message/t${sent}`;
      return (await insist('PUT', path, { msgtype: 'm.text', body: text })).event_id;
    },
    setState: async (roomId: string, type: string, content: object, key = ''): Promise<string> =>
      (await insist('PUT', `/rooms/${enc(roomId)}/state/${enc(type)}/${enc(key)}`, content))
        .event_id,
  };
};

/** Resolves once the condition holds; it is asked again and again, for not everything is told. */
export const until = async (condition: () => Promise<boolean>): Promise<void> => {
  while (!(await condition())) await setTimeout(10);
};

/** Resolves once the server has the event in its place in the room. */
export const arrives = (server: TestServer, eventId: string): Promise<void> =>
  until(async () => {
    const stored = await server.context.rooms.events.loadOne(eventId);
    return stored?.isOutlier === false && stored.rejectedFor === null;
  });
