import { isObject, type JsonObject } from '@candor/federation';
import { limits } from '@candor/spec';
import type { TableReader, TableWriter } from '../stores/store.ts';
import type { Row } from '../stores/tables.ts';
import { deviceDirectory } from './device-directory.ts';
import { signedDeviceKeys } from './device-identity.ts';
import type { EngineContext, EngineRequest } from './engine-context.ts';
import { memberOf } from './member-of.ts';
import { preKeys } from './pre-keys.ts';
import { retry } from './retry.ts';
import { senderKeys } from './sender-keys.ts';
import { signalNames } from './signal-names.ts';
import { toDeviceOutbox } from './to-device-outbox.ts';

type Device = Row<'devices'>;
type DeviceName = Pick<Device, 'userId' | 'deviceId'>;
type Request<O extends EngineRequest['operation']> = Extract<EngineRequest, { operation: O }>;

const noUploads = (userId: string): Row<'keyUploads'> => ({
  userId,
  deviceKeysUploaded: false,
  oneTimeKeysOnServer: null,
  fallbackUnused: false,
});

const uploadsOf = (tables: TableReader, userId: string): Row<'keyUploads'> =>
  tables.get('keyUploads', { userId }) ?? noUploads(userId);

const claimRequest = (devices: readonly DeviceName[]): Request<'claimKeys'> => ({
  operation: 'claimKeys',
  body: {
    one_time_keys: Object.fromEntries(
      [...Map.groupBy(devices, ({ userId }) => userId)].map(([userId, group]) => [
        userId,
        Object.fromEntries(group.map(({ deviceId }) => [deviceId, signalNames.bundle])),
      ]),
    ),
  },
});

const slicesOf = <T>(list: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(list.length / size) }, (_, index) =>
    list.slice(index * size, (index + 1) * size),
  );

const countOf = (counts: unknown): number => {
  const count = memberOf(counts, signalNames.bundle);
  return typeof count === 'number' && Number.isSafeInteger(count) ? count : 0;
};

const applyKeysUpload = (
  tables: TableWriter,
  context: EngineContext,
  { body }: Request<'uploadKeys'>,
  answer: unknown,
): void => {
  const { userId } = context.identity;
  const uploads = uploadsOf(tables, userId);
  const hasFallback = Object.keys(body['fallback_keys'] ?? {}).length > 0;
  preKeys.markUploaded(tables, body);
  tables.put('keyUploads', {
    ...uploads,
    deviceKeysUploaded: uploads.deviceKeysUploaded || body['device_keys'] !== undefined,
    oneTimeKeysOnServer: countOf(memberOf(answer, 'one_time_key_counts')),
    fallbackUnused: uploads.fallbackUnused || hasFallback,
  });
  if (body['device_keys'] !== undefined) deviceDirectory.markOutdated(tables, [userId]);
};

const claimedNames = ({ body }: Request<'claimKeys'>): DeviceName[] => {
  const wanted = body['one_time_keys'];
  return Object.entries(isObject(wanted) ? wanted : {}).flatMap(([userId, devices]) =>
    Object.keys(devices ?? {}).map((deviceId) => ({ userId, deviceId })),
  );
};

const claimedDevices = (tables: TableReader, request: Request<'claimKeys'>): Device[] =>
  claimedNames(request).flatMap((name) => tables.get('devices', name) ?? []);

const claimedObject = (answer: unknown, { userId, deviceId }: Device): unknown => {
  const keys = memberOf(memberOf(memberOf(answer, 'one_time_keys'), userId), deviceId);
  if (!isObject(keys)) return undefined;
  const [entry] = Object.entries(keys).filter(([id]) => id.startsWith(`${signalNames.bundle}:`));
  return entry?.[1];
};

const applyClaim = async (
  tables: TableWriter,
  context: EngineContext,
  request: Request<'claimKeys'>,
  answer: unknown,
): Promise<void> => {
  const now = context.now();
  const devices = claimedDevices(tables, request);
  const claimed = devices.flatMap((device) => {
    const object = claimedObject(answer, device);
    return object === undefined ? [] : [{ device, object }];
  });
  const entries = claimed.map(({ device: { userId, deviceId }, object }) => {
    return { userId, deviceId, object };
  });
  const results = await context.fanOut.run('startSessions', tables, context, { entries });
  const started = new Set(claimed.filter((_, index) => results[index]).map(({ device }) => device));
  for (const device of devices) {
    const isStarted = started.has(device);
    if (isStarted) toDeviceOutbox.add(tables, context, await retry.ask(tables, context, device));
    // Without an object the device is left out for a while instead of asking at every message.
    const wait = isStarted ? limits.retryAnswerIntervalMs : limits.keyRequestBackoffMs;
    tables.put('devices', { ...device, claimAfter: now + wait });
  }
};

/** Signatures that were added while the request was under way stay to be uploaded. */
const applyCrossSigningUpload = (
  tables: TableWriter,
  { operation, body }: Request<'uploadCrossSigningKeys' | 'uploadCrossSigningSignatures'>,
): void => {
  const waiting = tables.get('crossSigningUploads', { operation });
  if (waiting && JSON.stringify(waiting.body) === JSON.stringify(body)) {
    tables.delete('crossSigningUploads', { operation });
  }
};

const forgetOld = (tables: TableWriter, now: number): void => {
  const name = 'forgetOldAt';
  if ((tables.get('counters', { name })?.next ?? 0) > now) return;
  tables.put('counters', { name, next: now + limits.forgetIntervalMs });
  preKeys.forgetOld(tables, now);
  senderKeys.forgetOld(tables, now);
  for (const { hash, receivedAt } of tables.all('messageParts')) {
    if (now - receivedAt > limits.undeliveredKeptMs) tables.delete('messageParts', { hash });
  }
  for (const { position, receivedAt } of tables.all('pendingToDevice')) {
    if (now - receivedAt > limits.undeliveredKeptMs) tables.delete('pendingToDevice', { position });
  }
  for (const { address, eventId, answeredAt } of tables.all('retryAnswers')) {
    if (now - answeredAt <= limits.undeliveredKeptMs) continue;
    tables.delete('retryAnswers', { address, eventId });
  }
};

/** What the engine asks of the server, and what it makes of the answers. */
export const engineRequests = {
  /** The claims for these devices, in as many requests as their number asks for. */
  claimRequests: (devices: readonly DeviceName[]): Request<'claimKeys'>[] =>
    slicesOf(devices, limits.keyRequestDevicesMax).map(claimRequest),

  /** A request about many in parts, each of which is applied by itself; the one answer is for all of them. */
  partsOf: (request: EngineRequest): EngineRequest[] => {
    if (request.operation === 'claimKeys') {
      return slicesOf(claimedNames(request), limits.fanOutDevicesMax).map(claimRequest);
    }
    if (request.operation !== 'queryKeys') return [request];
    const slices = slicesOf([...request.generations], limits.fanOutDevicesMax);
    return slices.map((slice) => ({ ...request, generations: new Map(slice) }));
  },

  /** Uploads this device needs before others can trust it and start sessions. */
  uploads: (tables: TableWriter, context: EngineContext): EngineRequest[] => {
    const { identity } = context;
    preKeys.replenish(tables, context);
    const keys = preKeys.toUpload(tables, identity);
    const { deviceKeysUploaded } = uploadsOf(tables, identity.userId);
    const body: JsonObject = {
      ...(deviceKeysUploaded ? {} : { device_keys: signedDeviceKeys(identity) }),
      ...keys,
    };
    const rows = tables.all('crossSigningUploads', { orderBy: 'operation' });
    return [
      ...(Object.keys(body).length > 0 ? [{ operation: 'uploadKeys' as const, body }] : []),
      ...rows.map((row) => ({ operation: row.operation, body: row.body })),
    ];
  },

  /** Everything that is due now, in the order in which it is best sent. */
  due: async (tables: TableWriter, context: EngineContext): Promise<EngineRequest[]> => {
    const now = context.now();
    const uploads = engineRequests.uploads(tables, context);
    forgetOld(tables, now);
    return [
      ...uploads,
      ...deviceDirectory.queryRequests(tables, now),
      ...engineRequests.claimRequests(retry.devicesToAsk(tables, now)),
      ...(await toDeviceOutbox.requests(tables, null)),
    ];
  },

  /** Takes in an answer; returns the users whose keys it brought. */
  apply: async (
    tables: TableWriter,
    context: EngineContext,
    request: EngineRequest,
    answer: unknown,
  ): Promise<string[]> => {
    switch (request.operation) {
      case 'uploadKeys':
        applyKeysUpload(tables, context, request, answer);
        return [];
      case 'queryKeys':
        return deviceDirectory.applyQuery(tables, context, request, answer);
      case 'claimKeys':
        await applyClaim(tables, context, request, answer);
        return [];
      case 'sendToDevice':
        tables.delete('toDeviceOutbox', { txnId: request.txnId });
        return [];
      default:
        applyCrossSigningUpload(tables, request);
        deviceDirectory.markOutdated(tables, [context.identity.userId]);
        return [];
    }
  },

  /** A query or claim that was refused: go on without its answer until the back-off has passed. Keys make way for others. */
  failed: (tables: TableWriter, now: number, request: EngineRequest): void => {
    if (request.operation === 'uploadKeys') preKeys.giveUp(tables, request.body);
    if (request.operation === 'queryKeys') deviceDirectory.queryFailed(tables, now, request);
    if (request.operation !== 'claimKeys') return;
    for (const device of claimedDevices(tables, request)) {
      tables.put('devices', { ...device, claimAfter: now + limits.keyRequestBackoffMs });
    }
  },

  /** What `/sync` says about our keys on the server. */
  takeKeyCounts: (
    tables: TableWriter,
    userId: string,
    counts: unknown,
    unusedFallbackKeyTypes: unknown,
  ): void => {
    if (counts === undefined && unusedFallbackKeyTypes === undefined) return;
    const uploads = uploadsOf(tables, userId);
    const fallbackUnused = Array.isArray(unusedFallbackKeyTypes)
      ? unusedFallbackKeyTypes.includes(signalNames.bundle)
      : uploads.fallbackUnused;
    const next = { ...uploads, oneTimeKeysOnServer: countOf(counts), fallbackUnused };
    if (JSON.stringify(next) !== JSON.stringify(uploads)) tables.put('keyUploads', next);
  },
};
