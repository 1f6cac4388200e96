import { randomBytes } from 'node:crypto';
import { signingKeyFromSeed } from '@candor/federation';
import type { Config } from '../config/read-config.ts';
import type { Context } from '../context.ts';
import { createLog } from '../log.ts';
import { Notifier, type PlacedChange } from '../notifier.ts';
import type { CreateRoomContext } from '../rooms/create-room.ts';
import type { RemoteContext } from '../rooms/remote/remote-context.ts';
import { Rooms } from '../rooms/rooms.ts';
import { type Database, openDatabase } from '../storage/database.ts';
import { type Teardown, testDatabase } from './test-database.ts';

export type TestRooms = CreateRoomContext &
  RemoteContext & {
    readonly notifier: Notifier;
    /** Everything that was told, in the order of telling. */
    readonly told: readonly PlacedChange[];
    /** The same database as a process that has just started sees it. */
    readonly restarted: () => TestRooms;
  };

const contextOf = (db: Database, told: PlacedChange[], notifier: Notifier): TestRooms => {
  const serverName = 'here.example';
  const seed = Buffer.alloc(32, 7);
  let lastMs = 1_700_000_000_000;
  return {
    config: { serverName } as Config,
    db,
    rooms: new Rooms(db, { serverName }),
    now: () => {
      lastMs += 1;
      return lastMs;
    },
    randomBytes,
    log: createLog({ level: 'fatal', destination: process.stderr }),
    federation: { signingKey: signingKeyFromSeed('test', seed) } as Context['federation'],
    notifier,
    told,
    restarted: () => contextOf(db, told, notifier),
  };
};

/** What rooms need, on a fresh database; the server is called `here.example`. */
export const testRooms = async (t: Teardown): Promise<TestRooms> => {
  const { url } = await testDatabase(t);
  const told: PlacedChange[] = [];
  let notifier: Notifier | undefined;
  const db = await openDatabase({
    connection: { connectionString: url },
    connectionsMax: 8,
    publish: (position, change) => {
      told.push({ position, change });
      notifier?.publish(position, change);
    },
    onError: () => undefined,
  });
  t.teardown(() => db.close());
  notifier = new Notifier(db.clock.committed);
  return contextOf(db, told, notifier);
};
