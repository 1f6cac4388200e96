import type { PeerClient } from '@candor/federation/transport';
import type { Logger } from '../log.ts';
import type { Database } from '../storage/database.ts';
import { isPassingTrouble } from '../storage/passing-trouble.ts';
import { readRemoteListStates } from '../storage/remote-devices.ts';
import { askServers, type ServerFailure, type ServerOutcome } from './ask-servers.ts';
import { readQueryAnswer } from './read-key-answers.ts';
import { storeRemoteKeys } from './store-remote-keys.ts';
import { readUserKeys, type UserKeys } from './user-keys.ts';

export type RemoteAnswer = {
  readonly users: Map<string, UserKeys>;
  /** By server name. */
  readonly failures: Map<string, ServerFailure>;
};

type Flight = Promise<ReadonlyMap<string, UserKeys | ServerFailure>>;

const query = { path: '/_matrix/federation/v1/user/keys/query', member: 'device_keys' } as const;

/** Keys of users of other servers: stored ones while they hold, else asked for, once for all who want them at the same time. */
export class RemoteKeys {
  readonly #db: Database;
  readonly #client: PeerClient;
  readonly #log: Logger;
  readonly #flights = new Map<string, Flight>();

  constructor(db: Database, client: PeerClient, log: Logger) {
    this.#db = db;
    this.#client = client;
    this.#log = log;
  }

  /** Keys of users, given by server; a server that does not answer in time is a failure, not an error. */
  async read(
    usersByServer: ReadonlyMap<string, readonly string[]>,
    timeoutMs: number,
  ): Promise<RemoteAnswer> {
    const failures = new Map<string, ServerFailure>();
    const asked = [...usersByServer.values()].flat();
    if (asked.length === 0) return { users: new Map(), failures };
    const heldSince = this.#db.clock.committed;
    const underWay = new Map(asked.map((userId) => [userId, this.#flights.get(userId)]));
    const { tracked, held } = await readRemoteListStates(this.#db, asked);
    const users = await readUserKeys(this.#db, [...held]);
    const flightOf = (userId: string) => underWay.get(userId) ?? this.#flights.get(userId);
    const missing = [...usersByServer].map(
      ([server, all]) => [server, all.filter((userId) => !held.has(userId))] as const,
    );
    const wanted = missing
      .map(([server, all]) => [server, all.filter((userId) => !flightOf(userId))] as const)
      .filter(([, all]) => all.length > 0);
    this.#start(new Map(wanted), tracked, heldSince, timeoutMs);
    const arrivals = missing.flatMap(([server, all]) =>
      all.map(async (userId) => {
        const outcome = (await flightOf(userId))?.get(userId);
        if (!outcome) return;
        if ('errcode' in outcome) failures.set(server, outcome);
        else users.set(userId, outcome);
      }),
    );
    await Promise.all(arrivals);
    return { users, failures };
  }

  /** The user's keys changed: what was asked for before is too old for who asks from now on. */
  outdate(userId: string): void {
    this.#flights.delete(userId);
  }

  #start(
    wanted: ReadonlyMap<string, readonly string[]>,
    tracked: ReadonlySet<string>,
    heldSince: number,
    timeoutMs: number,
  ): void {
    const servers = new Map(
      [...wanted].map(([server, userIds]) => [server, userIds.map((id) => [id, []] as const)]),
    );
    for (const [server, outcomes] of askServers(this.#client, query, servers, timeoutMs)) {
      const userIds = wanted.get(server) ?? [];
      const flight = this.#keep(outcomes, tracked, heldSince);
      for (const userId of userIds) this.#flights.set(userId, flight);
      const land = () => {
        for (const userId of userIds) {
          if (this.#flights.get(userId) === flight) this.#flights.delete(userId);
        }
      };
      flight.then(land, land);
    }
  }

  async #keep(
    asked: Promise<readonly ServerOutcome[]>,
    tracked: ReadonlySet<string>,
    heldSince: number,
  ): Promise<ReadonlyMap<string, UserKeys | ServerFailure>> {
    const users = new Map<string, UserKeys>();
    const failed = new Map<string, ServerFailure>();
    for (const { userIds, answer, failure } of await asked) {
      for (const userId of userIds) {
        if (failure) failed.set(userId, failure);
        else users.set(userId, readQueryAnswer(answer, userId));
      }
    }
    const lasting = new Map([...users].filter(([userId]) => tracked.has(userId)));
    try {
      await storeRemoteKeys(this.#db, lasting, { streamId: undefined, heldSince });
    } catch (err) {
      // They are good for who asks now, and asked for again next time.
      if (isPassingTrouble(err)) throw err;
      const userIds = [...lasting.keys()];
      this.#log.warn({ err, userIds }, 'keys of other servers could not be kept');
    }
    return new Map<string, UserKeys | ServerFailure>([...users, ...failed]);
  }
}
