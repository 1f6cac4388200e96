import type { Account } from '../register-account.ts';
import { sendRequest } from '../send-request.ts';
import { openRawConnection, type RawConnection } from './raw-connection.ts';

/** Somebody who sends to one room over a connection of their own. */
export type Sender = {
  /** Sends one text message; rejects unless it was accepted. */
  send(text: string): Promise<void>;
  close(): void;
};

const post = async <T>(account: Account, path: string, body: unknown): Promise<T> => {
  const answer = await sendRequest(`${account.url}/_matrix/client/v3${path}`, {
    method: 'POST',
    token: account.accessToken,
    body,
  });
  if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${answer.bytes}`);
  return answer.json as T;
};

/** Makes a public room and gives its id; no encryption, so that every homeserver can be compared. */
export const makeRoom = async (owner: Account): Promise<string> => {
  const body = { preset: 'public_chat', name: 'benchmark' };
  return (await post<{ room_id: string }>(owner, '/createRoom', body)).room_id;
};

/** Joins a room, for one of another server by way of `via`. */
export const joinRoom = async (account: Account, roomId: string, via?: string): Promise<void> => {
  const query = via === undefined ? '' : `?via=${encodeURIComponent(via)}`;
  await post(account, `/join/${encodeURIComponent(roomId)}${query}`, {});
};

let transactions = 0;
const session = Date.now().toString(36);

/** Connects an account to a room that it is in. */
export const openSender = async (account: Account, roomId: string): Promise<Sender> => {
  const connection: RawConnection = await openRawConnection(account.url);
  const path = `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/send/m.room.message`;
  return {
    send: async (text) => {
      transactions += 1;
      const { status, body } = await connection.request(
        'PUT',
        `${path}/${session}-${transactions}`,
        account.accessToken,
        JSON.stringify({ msgtype: 'm.text', body: text }),
      );
      if (status !== 200) throw new Error(`a message was not accepted: ${status} ${body}`);
    },
    close: connection.close,
  };
};
