import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { serverNameOf } from '@candor/spec';
import { createAccounts } from './accounts/accounts.ts';
import { leaveRoomsOfClosed } from './accounts/close-account.ts';
import { openControlSocket } from './admin/control-socket.ts';
import { openCertificates } from './certificates/open-certificates.ts';
import { hostOf } from './config/loopback.ts';
import { OperatorError } from './config/operator-error.ts';
import type { Address } from './config/parse-value.ts';
import type { Config } from './config/read-config.ts';
import type { Context } from './context.ts';
import { startDeviceLists } from './devices/device-lists.ts';
import { createApp } from './http/app.ts';
import { createUpgrade, isUpgrade } from './http/create-upgrade.ts';
import { Draining } from './http/draining.ts';
import { type Listener, openListener } from './http/listener.ts';
import { createRateLimit } from './http/rate-limit.ts';
import { RouteTable } from './http/route-table.ts';
import { servedApis } from './http/served.ts';
import type { Logger } from './log.ts';
import { openBlobs } from './media/blobs.ts';
import { Notifier } from './notifier.ts';
import { takeUpStaged } from './peers/slow-rooms.ts';
import { Rooms } from './rooms/rooms.ts';
import { startFederation } from './start-federation.ts';
import { type Database, type DatabaseOptions, openDatabase, transact } from './storage/database.ts';
import { describeDatabase, faultOfDatabase } from './storage/describe-database.ts';
import { startEmbeddedPostgres } from './storage/embedded-postgres.ts';
import { readAnyAccount } from './storage/existing-accounts.ts';
import { watchFreeSpace } from './storage/free-space.ts';
import { lockDataDir } from './storage/lock-data-dir.ts';
import { offerFirstAdminToken } from './storage/registration-tokens.ts';
import { logSpoiledRows } from './storage/spoiled-rows.ts';
import { createSyncMemory } from './sync/sync-memory.ts';
import { SyncSockets } from './websocket/sync-sockets.ts';

export type RunningServer = {
  readonly context: Context;
  readonly urls: { readonly client: string; readonly federation: string };
  /** The one-time token that makes the first administrator; undefined once it was used. */
  readonly firstAdminToken: string | undefined;
  /** Looks at once for a new certificate, which the server would find by itself later. */
  reload(): void;
  /** Answers what is under way, saves what is queued, and closes everything in order. */
  stop(): Promise<void>;
};

export type ServerOptions = {
  /** Check every answer against its schema: a fault is a 500. */
  readonly checkAnswers?: boolean;
};

/** Undoes what was started, the last first. */
type Undo = (stop: () => unknown) => void;

const connectionsMax = 20;

const refuseUnusable = async (url: string): Promise<void> => {
  const description = await describeDatabase({ connectionString: url }).catch((cause: Error) => {
    throw new OperatorError(`database.url: ${cause.message || 'nothing answers there'}`, { cause });
  });
  const wrong = faultOfDatabase(description);
  if (wrong !== undefined) throw new OperatorError(`database.url: ${wrong}`);
};

const connectionOf = async (
  config: Config,
  log: Logger,
  undo: Undo,
): Promise<DatabaseOptions['connection']> => {
  const { url, binDir } = config.database;
  if (url !== undefined) {
    const lock = await lockDataDir(config.dataDir);
    undo(() => lock.release());
    await refuseUnusable(url);
    return { connectionString: url };
  }
  const postgres = await startEmbeddedPostgres({ dataDir: config.dataDir, binDir, log });
  undo(() => postgres.stop());
  return postgres.connection;
};

const openStorage = async (config: Config, log: Logger, undo: Undo) => {
  let notifier: Notifier | undefined;
  const connection = await connectionOf(config, log, undo);
  const space = await watchFreeSpace(config.dataDir, log);
  undo(space.stop);
  const db: Database = await openDatabase({
    connection,
    connectionsMax,
    // An outside database has a disk of its own.
    space: config.database.url === undefined ? space : undefined,
    publish: (position, change) => notifier?.publish(position, change),
    onError: (err) => log.warn({ err }, 'a database connection broke'),
  });
  undo(() => db.close());
  notifier = new Notifier(db.clock.committed);
  return { db, notifier, space };
};

const routeTable = (): RouteTable => {
  const routes = new RouteTable();
  for (const { operations, handlers } of servedApis) routes.add(operations, handlers);
  return routes;
};

/** Where it can be reached: who listens on every address is found by the name of the server. */
const urlOf = (scheme: string, { host }: Address, port: number, serverName: string): string => {
  const name = ['0.0.0.0', '::'].includes(host) ? hostOf(serverName) : host;
  return `${scheme}://${name.includes(':') && !name.startsWith('[') ? `[${name}]` : name}:${port}`;
};

const openListeners = async (
  context: Context,
  options: ServerOptions,
  undo: Undo,
): Promise<RunningServer['urls']> => {
  const { config, now } = context;
  const { client, federation } = config;
  const { certificates } = context.federation;
  const draining = new Draining();
  const common = {
    routes: routeTable(),
    rateLimit: config.rateLimits ? createRateLimit(now) : undefined,
    checkAnswers: options.checkAnswers ?? false,
    draining,
  };
  const { behindProxy } = client;
  const isTls = client.isTls || behindProxy;
  const clientApp = createApp(context, { ...common, behindProxy, isTls });
  const sockets = new SyncSockets(context);
  draining.onBegin(() => sockets.drain());
  const accept = createUpgrade(context, { ...common, behindProxy }, (one) => sockets.accept(one));
  const federationApp = createApp(context, { ...common, behindProxy: false, isTls: true });
  const listeners: Listener[] = [];
  undo(async () => {
    draining.begin();
    await Promise.all(listeners.map((listener) => listener.drain()));
  });
  const upgrade = { isWanted: isUpgrade, accept };
  const tls = certificates.current();
  const clientTls = client.isTls ? tls : undefined;
  listeners.push(await openListener({ ...client.listen, tls: clientTls, app: clientApp, upgrade }));
  listeners.push(await openListener({ ...federation.listen, tls, app: federationApp }));
  const { challenges } = certificates;
  if (challenges) listeners.push(await openListener({ ...challenges, tls: undefined }));
  certificates.onChange((keys) => {
    for (const listener of listeners) listener.show(keys);
  });
  certificates.start();
  undo(() => certificates.stop());
  const [clientPort = 0, federationPort = 0] = listeners.map(({ port }) => port);
  return {
    client: urlOf(client.isTls ? 'https' : 'http', client.listen, clientPort, config.serverName),
    federation: urlOf('https', federation.listen, federationPort, config.serverName),
  };
};

/** Under another name the server would speak for rooms and users that are not its own. */
const refuseOtherName = async (db: Database, serverName: string): Promise<void> => {
  const userId = await readAnyAccount(db);
  const known = userId === undefined ? serverName : serverNameOf(userId);
  if (known !== serverName)
    throw new OperatorError(
      `server_name: the accounts in this database are of ${known}, and a server keeps its name; set it back, or start with an empty data directory and database`,
    );
};

/** Starts what handlers reach; what depends on something is stopped before it. */
const openContext = async (config: Config, log: Logger, undo: Undo): Promise<Context> => {
  const { serverName, rateLimits } = config;
  const now = Date.now;
  undo(logSpoiledRows(log));
  const { db, notifier, space } = await openStorage(config, log, undo);
  await refuseOtherName(db, serverName);
  const accountsLog = log.child({ part: 'accounts' });
  const accounts = createAccounts(db, notifier, { log: accountsLog, now, rateLimits });
  undo(() => accounts.close());
  const rooms = new Rooms(db, { serverName });
  undo(() => rooms.queue.idle());
  undo(() => rooms.typing.close());
  const federationLog = log.child({ part: 'federation' });
  const certificates = await openCertificates({ config, log: log.child({ part: 'certificates' }) });
  const federation = {
    certificates,
    ...(await startFederation({ config, db, notifier, log: federationLog, now })),
  };
  undo(() => federation.stop());
  const { sender } = federation;
  const sync = createSyncMemory({ db, notifier, sender, serverName, now });
  undo(() => sync.close());
  const deviceLists = await startDeviceLists(db, federation.client, federationLog);
  undo(() => deviceLists.resync.stop());
  const blobs = await openBlobs(join(config.dataDir, 'media'), randomBytes, space);
  return {
    config,
    log,
    db,
    notifier,
    accounts,
    rooms,
    federation,
    deviceLists,
    sync,
    blobs,
    now,
    randomBytes,
  };
};

/** Takes up what an earlier process left of closed accounts; the answer stops it. */
const finishClosing = (context: Context, log: Logger): (() => Promise<void>) => {
  const stopping = new AbortController();
  const ended = leaveRoomsOfClosed(context, stopping.signal).catch((err: unknown) =>
    log.warn({ err }, 'rooms of closed accounts were not left'),
  );
  return () => {
    stopping.abort();
    return ended;
  };
};

/** Starts everything, or nothing: what was started before a fault is stopped again. */
const startWhole = async <T extends { readonly context: Context }>(
  config: Config,
  log: Logger,
  more: (context: Context, undo: Undo) => Promise<T>,
): Promise<T & { readonly stop: () => Promise<void> }> => {
  const stops: (() => unknown)[] = [];
  const stop = async () => {
    for (let next = stops.pop(); next; next = stops.pop()) await next();
  };
  const undo: Undo = (undoOne) => stops.push(undoOne);
  try {
    const context = await openContext(config, log, undo);
    return { ...(await more(context, undo)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
};

/** A server without listeners, for commands that need one while none runs. */
export const openOffline = (config: Config, log: Logger) =>
  startWhole(config, log, async (context) => ({ context }));

export const startServer = (
  config: Config,
  log: Logger,
  options: ServerOptions = {},
): Promise<RunningServer> =>
  startWhole(config, log, async (context, undo) => {
    const firstAdminToken = await transact(context.db, (tx) =>
      offerFirstAdminToken(tx, randomBytes(24).toString('base64url')),
    );
    undo(finishClosing(context, log));
    await takeUpStaged(context);
    const urls = await openListeners(context, options, undo);
    undo(await openControlSocket(context));
    const reload = () => context.federation.certificates.reload();
    return { context, urls, firstAdminToken, reload };
  });
