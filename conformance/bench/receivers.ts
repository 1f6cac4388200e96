import type { Account } from '../register-account.ts';
import { sendRequest } from '../send-request.ts';
import { openRawConnection } from './raw-connection.ts';

/** Called with the text of every message, at the moment the whole body is here. */
export type OnText = (text: string) => void;

/** Somebody who waits for messages; `ready` when it waits for the next one. */
export type Receiver = {
  readonly ready: Promise<void>;
  stop(): Promise<void>;
};

type SyncBody = {
  readonly next_batch: string;
  readonly rooms?: {
    readonly join?: Readonly<
      Record<string, { timeline?: { events?: readonly { content?: { body?: string } }[] } }>
    >;
  };
};

const tellTexts = (body: SyncBody, onText: OnText): void => {
  for (const { timeline } of Object.values(body.rooms?.join ?? {}))
    for (const { content } of timeline?.events ?? [])
      if (typeof content?.body === 'string') onText(content.body);
};

const syncPath = '/_matrix/client/v3/sync';
const pollMs = 30_000;

const firstSync = async ({ url, accessToken }: Account): Promise<string> => {
  const answer = await sendRequest(url + syncPath, { token: accessToken });
  if (answer.status !== 200) throw new Error(`sync: ${answer.status} ${answer.bytes}`);
  return (answer.json as SyncBody).next_batch;
};

/** Waits with `/sync?timeout=…`, one request after the other. */
export const receiveByLongPoll = (account: Account, onText: OnText): Receiver => {
  let isStopped = false;
  let connection: Awaited<ReturnType<typeof openRawConnection>> | undefined;
  let markReady: () => void = () => undefined;
  const ready = new Promise<void>((resolve) => {
    markReady = resolve;
  });
  const loop = async () => {
    let since = await firstSync(account);
    connection = await openRawConnection(account.url);
    markReady();
    while (!isStopped) {
      const path = `${syncPath}?timeout=${pollMs}&since=${encodeURIComponent(since)}`;
      const answer = await connection.request('GET', path, account.accessToken);
      if (answer.status !== 200) throw new Error(`sync: ${answer.status} ${answer.body}`);
      const body = JSON.parse(answer.body.toString()) as SyncBody;
      tellTexts(body, onText);
      since = body.next_batch;
    }
  };
  const running = loop().catch((error: unknown) => {
    // Closing the connection is how a wait for the next message ends.
    if (!isStopped) throw error;
  });
  return {
    ready: Promise.race([ready, running]),
    stop: async () => {
      isStopped = true;
      connection?.close();
      await running;
    },
  };
};

/** Waits on the WebSocket of `spec/documents/websocket-sync.md`. */
export const receiveBySocket = (account: Account, onText: OnText): Receiver => {
  const url = `${account.url.replace(/^http/, 'ws')}/_matrix/client/unstable/dev.candor.ws/sync`;
  let socket: WebSocket | undefined;
  const open = async () => {
    const since = await firstSync(account);
    socket = new WebSocket(url, [
      'dev.candor.sync.v1',
      `dev.candor.access_token.${account.accessToken}`,
    ]);
    const opened = socket;
    opened.onmessage = ({ data }) => {
      const body = JSON.parse(String(data)) as SyncBody;
      tellTexts(body, onText);
      opened.send(JSON.stringify({ ack: body.next_batch }));
    };
    await new Promise<void>((resolve, reject) => {
      opened.onopen = () => resolve();
      opened.onerror = () => reject(new Error(`${url} did not open`));
    });
    opened.send(JSON.stringify({ since }));
  };
  return {
    ready: open(),
    stop: async () => socket?.close(),
  };
};

/** Whether a homeserver announces the WebSocket sync. */
export const hasSocket = async (url: string): Promise<boolean> => {
  const { json } = await sendRequest(`${url}/_matrix/client/versions`);
  const features = (json as { unstable_features?: Record<string, boolean> })?.unstable_features;
  return features?.['dev.candor.ws'] === true;
};
