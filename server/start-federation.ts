import { setTimeout as sleep } from 'node:timers/promises';
import {
  createKeyRing,
  createPeerClient,
  createSender,
  createServerDiscovery,
  createServerGate,
  createWellKnownFetcher,
} from '@candor/federation/transport';
import { limits } from '@candor/spec';
import { loadOldSigningKeys } from './config/old-signing-keys.ts';
import { readCaFile } from './config/read-ca-file.ts';
import type { Config } from './config/read-config.ts';
import { loadSigningKey } from './config/signing-key.ts';
import type { Context } from './context.ts';
import type { Logger } from './log.ts';
import type { Notifier } from './notifier.ts';
import { createInviteLimit } from './peers/invite-limit.ts';
import { LateEvents } from './peers/late-events.ts';
import type { Database } from './storage/database.ts';
import { createDestinationStore, discardOutbox } from './storage/destinations.ts';
import { createKeyStore } from './storage/server-keys.ts';

export type FederationOptions = {
  readonly config: Config;
  readonly db: Database;
  readonly notifier: Notifier;
  readonly log: Logger;
  readonly now: () => number;
};

type RunningFederation = Omit<Context['federation'], 'certificates'> & {
  readonly stop: () => Promise<void>;
};

const readAuthorities = async ({ federation }: Config) => {
  const ca = await readCaFile('federation.ca_file', federation.caFile);
  return ca === undefined ? {} : { ca };
};

/** The parts that speak with other servers; the sender follows what is queued for them. */
export const startFederation = async (options: FederationOptions): Promise<RunningFederation> => {
  const { config, db, notifier, log, now } = options;
  const { serverName } = config;
  const { allow, deny, allowPrivateAddresses, trustedKeyServers, blockedKeys } = config.federation;
  const gate = { deny, ...(allow && { allow }) };
  const connector = { allowPrivateAddresses, ...(await readAuthorities(config)) };
  const signingKey = await loadSigningKey(config.dataDir);
  const oldSigningKeys = (await loadOldSigningKeys(config.dataDir)).filter(
    ({ keyId }) => keyId !== signingKey.keyId,
  );

  const fetchWellKnown = createWellKnownFetcher({ ...connector, now });
  const discover = createServerDiscovery({ fetchWellKnown, now, random: Math.random });
  const client = createPeerClient({
    ...connector,
    ...gate,
    serverName,
    signingKey: () => signingKey,
    discover,
    log,
  });
  const keyRing = createKeyRing({
    serverName,
    ownKeys: () => [signingKey, ...oldSigningKeys],
    store: createKeyStore(db),
    client,
    trustedKeyServers,
    blockedKeys,
    now,
    log,
  });
  const isAllowed = createServerGate(gate);
  const store = createDestinationStore(db);
  const sender = createSender({ serverName, store, client, now, log });
  // Rooms have members on servers that the settings deny: nothing is kept for these.
  const discard = (name: string): Promise<void> =>
    discardOutbox(db, name).catch((err: unknown) => log.warn({ err }, 'an outbox was not emptied'));
  const wake = (name: string): void => {
    if (isAllowed(name)) sender.wake(name);
    else void discard(name);
  };
  const stopListening = notifier.listen(({ change }) => {
    if (change.kind === 'outbox') for (const name of change.destinations) wake(name);
  });
  const late = new LateEvents();
  for (const name of await store.destinationsWithWork()) {
    if (!isAllowed(name)) await discard(name);
  }
  await sender.wakeAll();
  return {
    signingKey,
    oldSigningKeys,
    keyRing,
    client,
    sender,
    late,
    isAllowed,
    inviteLimit: config.rateLimits ? createInviteLimit(now) : undefined,
    stop: async () => {
      stopListening();
      late.stop();
      const stopped = sender.stop();
      // A peer that hangs must not hold us; what it did not confirm stays queued.
      await Promise.race([stopped, sleep(limits.senderStopMsMax, undefined, { ref: false })]);
      await client.close();
      await stopped;
    },
  };
};
