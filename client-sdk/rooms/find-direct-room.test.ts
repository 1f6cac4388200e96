import t from 'tap';
import { openMemoryStore } from '../stores/memory-store.ts';
import { readSync } from '../sync/read-sync.ts';
import { writeRooms } from '../sync/write-rooms.ts';
import { findDirectRoom } from './find-direct-room.ts';
import { Room, type RoomContext } from './room.ts';

const [alice, bob] = ['@alice:a.example', '@bob:b.example'];

t.test('a direct room that was upgraded is found no more, the one in its place is', (t) => {
  const store = openMemoryStore();
  const state = (type: string, content: object, stateKey = '') => ({
    ...{ type, content, state_key: stateKey },
    ...{ sender: bob, event_id: `$${type}${stateKey}`, origin_server_ts: 1 },
  });
  const sync = (roomId: string, ...events: object[]): void => {
    const rooms = { join: { [roomId]: { state: { events } } } };
    const news = readSync({ next_batch: 's', rooms });
    if (news) store.transaction((tx) => writeRooms(tx, alice, news));
  };
  const direct = [
    state('m.room.encryption', { algorithm: 'dev.candor.signal.pqxdh.v1' }),
    state('m.room.member', { membership: 'join' }, alice),
    state('m.room.member', { membership: 'join' }, bob),
  ];
  const found = () => {
    const context = { store } as unknown as RoomContext;
    const rooms = store.all('rooms').map(({ roomId }) => new Room(context, roomId));
    return findDirectRoom(rooms, bob)?.id;
  };
  sync('!a:b.example', ...direct);
  t.equal(found(), '!a:b.example');
  sync('!a:b.example', state('m.room.tombstone', { replacement_room: '!b:b.example' }));
  t.equal(found(), undefined);
  sync('!b:b.example', ...direct);
  t.equal(found(), '!b:b.example');
  t.end();
});
