import type { Candor, Message } from '@candor/client-sdk';

/** What a client has told. */
export type Heard = {
  readonly messages: Message[];
  readonly unreadable: Message[];
  /** Everything that went wrong, for a failure's text. */
  readonly problems: unknown[];
};

/** Somebody behind a client, who accepts every invitation and remembers what was told. */
export type Listener = Heard & {
  /** Resolves with the message of this text as soon as it was read, now or earlier. */
  hears(text: string): Promise<Message>;
  /** Resolves with an event that was shown as one that cannot be read. */
  cannotRead(eventId: string): Promise<Message>;
  /** Looks again after each event of the client until there is something to see. */
  until<T>(what: string, look: () => T | undefined): Promise<T>;
};

const waitMsMax = 100_000;

/** What a wait that was too long is explained with. */
const tooLate = (what: string, client: Candor, { problems }: Heard): Error => {
  const seen = client
    .rooms()
    .flatMap((room) => room.timeline())
    .filter(({ state }) => state !== 'readable')
    .map(({ sender, state, reason }) => `${state} message of ${sender} (${reason})`);
  const notes = [...seen, ...problems.map(String)].join('; ');
  return new Error(`${what} within ${waitMsMax / 1000} s${notes && `: ${notes}`}`);
};

/** Listens to a client that has not been started yet; `heard` is what the same person heard before a restart. */
export const listenTo = (
  client: Candor,
  name: string = client.userId,
  heard: Heard = { messages: [], unreadable: [], problems: [] },
): Listener => {
  client.on('message', (message) => heard.messages.push(message));
  client.on('unreadable', (message) => heard.unreadable.push(message));
  client.on('problem', (problem) => heard.problems.push(problem));
  client.on('invite', (roomId) => {
    client
      .room(roomId)
      .join()
      .catch((error: unknown) => heard.problems.push(error));
  });
  let news = Promise.withResolvers<void>();
  for (const event of ['message', 'unreadable', 'room', 'warning', 'state'] as const)
    client.on(event, () => {
      news.resolve();
      news = Promise.withResolvers();
    });
  const until = async <T>(what: string, look: () => T | undefined): Promise<T> => {
    const late = Promise.withResolvers<never>();
    const deadline = setTimeout(() => late.reject(tooLate(what, client, heard)), waitMsMax);
    try {
      for (;;) {
        const seen = look();
        if (seen !== undefined) return seen;
        await Promise.race([news.promise, late.promise]);
      }
    } finally {
      clearTimeout(deadline);
    }
  };
  return {
    ...heard,
    until,
    hears: (text) =>
      until(`${name} did not read '${text}'`, () =>
        heard.messages.find(({ body }) => body === text),
      ),
    cannotRead: (eventId) =>
      until(`${name} was shown nothing of ${eventId} that cannot be read`, () =>
        heard.unreadable.find((message) => message.eventId === eventId),
      ),
  };
};
