import { clientServer } from '@candor/spec';
import type { HomeserverApi } from '../api/homeserver-api.ts';
import { signalNames } from '../signal/signal-names.ts';
import type { Store } from '../stores/store.ts';
import type { RoomEncryption } from './room-encryption.ts';
import { roomSummary } from './room-summary.ts';

export type NewRoom = {
  readonly encryption: Extract<RoomEncryption, 'direct' | 'group'>;
  readonly invite: readonly string[];
  readonly name?: string;
};

/** Makes an encrypted room. That it is encrypted is stored here before any sync says so. */
export const createRoom = async (
  api: HomeserverApi,
  store: Store,
  { encryption, invite, name }: NewRoom,
): Promise<string> => {
  const isDirect = encryption === 'direct';
  const content = { algorithm: isDirect ? signalNames.pairwise : signalNames.group };
  const { room_id: roomId } = await api.call(clientServer.createRoom, {
    body: {
      preset: isDirect ? 'trusted_private_chat' : 'private_chat',
      is_direct: isDirect,
      invite: [...invite],
      ...(name !== undefined && { name }),
      initial_state: [
        { type: 'm.room.encryption', state_key: '', content },
        // Who is invited reads along from then on; who joins later cannot read back.
        {
          type: 'm.room.history_visibility',
          state_key: '',
          content: { history_visibility: 'invited' },
        },
      ],
    },
  });
  store.transaction((tx) => {
    const row = roomSummary.rowOf(tx, roomId);
    const room = {
      ...row,
      encryption: content,
      directUserId: isDirect ? (invite[0] ?? null) : null,
    };
    const historyVisibility = 'invited';
    tx.put('rooms', roomSummary.with(room, { membership: 'join', historyVisibility }));
  });
  return roomId;
};
