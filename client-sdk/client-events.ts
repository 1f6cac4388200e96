import type { JsonObject } from '@candor/federation';
import { type Message, message } from './rooms/message.ts';
import { roomEncryption } from './rooms/room-encryption.ts';
import type { ReceiveOutcome } from './signal/engine-receive.ts';
import type { Store } from './stores/store.ts';
import type { Row } from './stores/tables.ts';
import type { SyncNews } from './sync/read-sync.ts';
import type { SyncState } from './sync/sync-loop.ts';
import type { Verification } from './verification/verification.ts';

/** A warning that stays until the person has dealt with it. */
export type Warning = Omit<Row<'warnings'>, 'resolvedAt'>;

/** What a client tells, with the arguments of its listeners. */
export type ClientEvents = {
  /** A message that can be read, of anybody but this device; once each. */
  message: [message: Message];
  /** One that cannot: `state` and `reason` say why. A `waiting` one may be told as `message` later. */
  unreadable: [message: Message];
  /** The user is invited to a room. */
  invite: [roomId: string];
  /** A room's state, members or membership changed. */
  room: [roomId: string];
  typing: [roomId: string, userIds: readonly string[]];
  /** The content of `m.receipt`: event → kind → user. */
  receipt: [roomId: string, receipts: JsonObject];
  warning: [warning: Warning];
  /** Somebody asks to verify each other's identity: `accept` or `cancel`. */
  verification: [verification: Verification];
  /** An own device was verified: it is the user's, and may be given secrets. */
  ownDeviceVerified: [deviceId: string];
  /** An encrypted message to this device beside the rooms, of the application's own kind. */
  toDevice: [
    event: { sender: string; senderDevice: string | null; type: string; content: JsonObject },
  ];
  state: [state: SyncState];
  /** Something failed that will be tried again, or a listener threw. */
  problem: [error: unknown];
};

/** One thing to tell. */
export type Telling = {
  [K in keyof ClientEvents]: { name: K; args: ClientEvents[K] };
}[keyof ClientEvents];

const ofRow = (store: Store, userId: string, row: Row<'timeline'>): Telling[] => {
  if (!message.isMessage(row)) return [];
  const room = store.get('rooms', { roomId: row.roomId });
  const isEncrypted = roomEncryption.kindOf(room?.encryption ?? null) !== 'none';
  const told = message.ofRow(row, isEncrypted, userId);
  return [{ name: told.state === 'readable' ? 'message' : 'unreadable', args: [told] }];
};

/** What to tell of what the engine made of a sync or an answer; not what this device sent itself. */
export const tellingsOfOutcome = (
  store: Store,
  account: { readonly userId: string; readonly deviceId: string },
  { events = [], updated = [], toDevice = [], warnings = [] }: Partial<ReceiveOutcome>,
): Telling[] => {
  const { userId, deviceId } = account;
  const isOurs = ({ sender, senderDevice }: Row<'timeline'>) =>
    sender === userId && senderDevice === deviceId;
  const rows = [...events, ...updated].filter((row) => !isOurs(row));
  return [
    ...rows.flatMap((row) => ofRow(store, userId, row)),
    ...warnings.map((warning): Telling => ({ name: 'warning', args: [warning] })),
    ...toDevice.flatMap(({ sender, senderDevice, message: own }): Telling[] =>
      // Secrets are for the client alone.
      own && !own.type.startsWith('m.secret.')
        ? [{ name: 'toDevice', args: [{ sender, senderDevice, ...own }] }]
        : [],
    ),
  ];
};

/** What to tell of a sync beside its messages. */
export const tellingsOfNews = (news: SyncNews): Telling[] => [
  ...news.invites.map(({ roomId }): Telling => ({ name: 'invite', args: [roomId] })),
  ...news.rooms.flatMap(({ roomId, state, ephemeral }): Telling[] => [
    ...(state.length > 0 ? [{ name: 'room' as const, args: [roomId] as [string] }] : []),
    ...ephemeral.flatMap(({ type, content }): Telling[] => {
      if (type === 'm.receipt') return [{ name: 'receipt', args: [roomId, content] }];
      if (type !== 'm.typing' || !Array.isArray(content['user_ids'])) return [];
      const userIds = content['user_ids'].filter((id) => typeof id === 'string');
      return [{ name: 'typing', args: [roomId, userIds] }];
    }),
  ]),
];
