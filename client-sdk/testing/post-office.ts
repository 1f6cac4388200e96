import { isObject, type JsonObject } from '@candor/federation';
import type { EngineRequest } from '../signal/engine-context.ts';
import { memberOf } from '../signal/member-of.ts';
import type { TimelineEvent } from '../signal/room-events.ts';
import type { ToDeviceEvent } from '../signal/to-device-events.ts';

/** What waits for one device; tests reorder, drop, double and change it before the device syncs. */
export type Inbox = {
  toDevice: ToDeviceEvent[];
  events: { roomId: string; event: TimelineEvent }[];
  changed: Set<string>;
};

type DeviceRecord = {
  keys: JsonObject | undefined;
  oneTimeKeys: Map<string, JsonObject>;
  fallback: [string, JsonObject] | undefined;
  fallbackUsed: boolean;
  readonly inbox: Inbox;
};
type UserRecord = { crossSigning: Map<string, JsonObject>; devices: Map<string, DeviceRecord> };

const copy = <T>(value: T): T => JSON.parse(JSON.stringify(value));
const entriesOf = (value: unknown): [string, JsonObject][] =>
  Object.entries(isObject(value) ? value : {}).flatMap(([key, entry]) =>
    isObject(entry) ? [[key, entry] as [string, JsonObject]] : [],
  );

/** Adds signatures the way a homeserver keeps them: beside those already there. */
const withSignatures = (object: JsonObject, signed: JsonObject): JsonObject => {
  const signatures = Object.fromEntries(
    [...entriesOf(object['signatures']), ...entriesOf(signed['signatures'])].map(
      ([userId, own], _, all) => [
        userId,
        Object.assign({}, ...all.filter(([id]) => id === userId).map(([, other]) => other), own),
      ],
    ),
  );
  return { ...object, signatures };
};

/**
 * The homeservers of a test, in memory and passing only JSON: keys, claims, to-device messages and
 * room events. It is not on anybody's side: it hands every event of a room to every device it was
 * told to serve, members or not.
 */
export class PostOffice {
  readonly users = new Map<string, UserRecord>();
  /** Servers whose users cannot be queried or claimed from. */
  readonly unreachable = new Set<string>();
  readonly claims: string[] = [];
  #events = 0;

  device(userId: string, deviceId: string): DeviceRecord {
    const user = this.#user(userId);
    const known = user.devices.get(deviceId);
    if (known) return known;
    const device: DeviceRecord = {
      keys: undefined,
      oneTimeKeys: new Map(),
      fallback: undefined,
      fallbackUsed: false,
      inbox: { toDevice: [], events: [], changed: new Set() },
    };
    user.devices.set(deviceId, device);
    return device;
  }

  /** The answer to an engine's request. */
  answer(userId: string, deviceId: string, request: EngineRequest): unknown {
    const body: JsonObject = copy(request.body);
    switch (request.operation) {
      case 'uploadKeys':
        return this.#uploadKeys(userId, deviceId, body);
      case 'queryKeys':
        return copy(this.#query(userId, body));
      case 'claimKeys':
        return copy(this.#claim(body));
      case 'sendToDevice':
        for (const [to, devices] of entriesOf(body['messages'])) {
          for (const [toDevice, content] of entriesOf(devices)) {
            const event = { type: request.eventType, sender: userId, content };
            this.device(to, toDevice).inbox.toDevice.push(event);
          }
        }
        return {};
      case 'uploadCrossSigningKeys':
        for (const [usage, key] of entriesOf(body)) this.#user(userId).crossSigning.set(usage, key);
        this.#announce(userId);
        return {};
      default:
        return this.#uploadSignatures(body);
    }
  }

  /** Puts an event into the inboxes of these users' devices; returns its id. */
  send(
    roomId: string,
    sender: string,
    type: string,
    content: JsonObject,
    to: readonly string[],
  ): string {
    const event = {
      event_id: `$event${++this.#events}`,
      sender,
      type,
      content: copy(content),
      origin_server_ts: 1_700_000_000_000 + this.#events,
    };
    for (const userId of to) {
      for (const device of this.#user(userId).devices.values()) {
        device.inbox.events.push({ roomId, event: copy(event) });
      }
    }
    return event.event_id;
  }

  removeDevice(userId: string, deviceId: string): void {
    this.#user(userId).devices.delete(deviceId);
    this.#announce(userId);
  }

  #user(userId: string): UserRecord {
    const known = this.users.get(userId);
    if (known) return known;
    const user: UserRecord = { crossSigning: new Map(), devices: new Map() };
    this.users.set(userId, user);
    return user;
  }

  #announce(userId: string): void {
    for (const { devices } of this.users.values()) {
      for (const { inbox } of devices.values()) inbox.changed.add(userId);
    }
  }

  #uploadKeys(userId: string, deviceId: string, body: JsonObject): unknown {
    const device = this.device(userId, deviceId);
    if (isObject(body['device_keys'])) {
      device.keys = body['device_keys'];
      this.#announce(userId);
    }
    for (const [id, key] of entriesOf(body['one_time_keys'])) device.oneTimeKeys.set(id, key);
    for (const entry of entriesOf(body['fallback_keys'])) {
      device.fallback = entry;
      device.fallbackUsed = false;
    }
    return { one_time_key_counts: { 'dev.candor.signal.bundle': device.oneTimeKeys.size } };
  }

  #query(asking: string, body: JsonObject): JsonObject {
    const found: Record<string, Map<string, unknown>> = {
      device_keys: new Map(),
      master_keys: new Map(),
      self_signing_keys: new Map(),
      user_signing_keys: new Map(),
      failures: new Map(),
    };
    for (const userId of Object.keys(isObject(body['device_keys']) ? body['device_keys'] : {})) {
      const server = userId.slice(userId.indexOf(':') + 1);
      const user = this.#user(userId);
      if (this.unreachable.has(server)) {
        found['failures']?.set(server, {});
        continue;
      }
      const devices = [...user.devices].flatMap(([id, { keys }]) => (keys ? [[id, keys]] : []));
      found['device_keys']?.set(userId, Object.fromEntries(devices));
      for (const usage of ['master', 'self_signing', 'user_signing']) {
        const key = user.crossSigning.get(`${usage}_key`);
        if (key && (usage !== 'user_signing' || userId === asking)) {
          found[`${usage}_keys`]?.set(userId, key);
        }
      }
    }
    return Object.fromEntries(
      Object.entries(found).map(([part, map]) => [part, Object.fromEntries(map) as JsonObject]),
    );
  }

  #claim(body: JsonObject): JsonObject {
    const answer = entriesOf(body['one_time_keys']).map(([userId, devices]) => {
      const keys = Object.keys(devices).flatMap((deviceId) => {
        const device = this.#user(userId).devices.get(deviceId);
        if (!device || this.unreachable.has(userId.slice(userId.indexOf(':') + 1))) return [];
        this.claims.push(`${userId} ${deviceId}`);
        const [oneTime] = device.oneTimeKeys;
        if (oneTime) device.oneTimeKeys.delete(oneTime[0]);
        else device.fallbackUsed = true;
        const key = oneTime ?? device.fallback;
        return key ? [[deviceId, Object.fromEntries([key])]] : [];
      });
      return [userId, Object.fromEntries(keys)];
    });
    return { one_time_keys: Object.fromEntries(answer), failures: {} };
  }

  #uploadSignatures(body: JsonObject): unknown {
    for (const [userId, objects] of entriesOf(body)) {
      const user = this.#user(userId);
      for (const [id, signed] of entriesOf(objects)) {
        const device = user.devices.get(id);
        const master = user.crossSigning.get('master_key');
        if (device?.keys) device.keys = withSignatures(device.keys, signed);
        else if (master && memberOf(master['keys'], `ed25519:${id}`)) {
          user.crossSigning.set('master_key', withSignatures(master, signed));
        }
      }
      this.#announce(userId);
    }
    return { failures: {} };
  }
}
