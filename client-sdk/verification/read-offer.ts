import { canonicalJson, type JsonObject } from '@candor/federation';
import { limits } from '@candor/spec';
import type { ToDeviceEvent } from '../signal/to-device-events.ts';
import type { Row } from '../stores/tables.ts';
import { flows } from './flow.ts';
import type { Offer } from './new-flow.ts';

const isId = (value: unknown): value is string =>
  typeof value === 'string' && value !== '' && value.length <= limits.identifierBytesMax;

const isCanonical = (content: JsonObject): boolean => {
  try {
    return canonicalJson(content) !== '';
  } catch {
    return false;
  }
};

const textsOf = (list: unknown): string[] | undefined =>
  Array.isArray(list) ? list.filter((entry) => typeof entry === 'string') : undefined;

/** Reads what may begin a verification; undefined for everything else. */
export const readOffer = {
  isId,

  toDevice: ({ type, content }: ToDeviceEvent, now: number): Offer | undefined => {
    const { transaction_id: id, from_device: fromDevice, methods, method, timestamp } = content;
    if (!isId(id) || !isId(fromDevice)) return undefined;
    if (type === `${flows.prefix}start`) {
      const isKnown = method === 'm.sas.v1' && isCanonical(content);
      if (!isKnown) return undefined;
      const methods = ['m.sas.v1'];
      return { id, roomId: null, fromDevice, methods, sentAt: now, start: content };
    }
    const offered = textsOf(methods);
    if (type !== `${flows.prefix}request` || !offered) return undefined;
    if (!Number.isSafeInteger(timestamp)) return undefined;
    return { id, roomId: null, fromDevice, methods: offered, sentAt: Number(timestamp) };
  },

  /** Whether a stored event of a room belongs to a verification; such events are no conversation. */
  isPartOfOne: ({ type, content }: Pick<Row<'timeline'>, 'type' | 'content'>): boolean =>
    type.startsWith(flows.prefix) ||
    (type === 'm.room.message' && content?.['msgtype'] === `${flows.prefix}request`),

  inRoom: (row: Row<'timeline'>, ownUserId: string): Offer | undefined => {
    const { roomId, eventId: id, senderDevice: fromDevice, type, content } = row;
    if (type !== 'm.room.message' || content?.['msgtype'] !== `${flows.prefix}request`) {
      return undefined;
    }
    const methods = textsOf(content['methods']);
    // The device is known from the encryption; what the content says has to agree.
    if (!methods || fromDevice === null || content['from_device'] !== fromDevice) return undefined;
    if (content['to'] !== ownUserId || row.sender === ownUserId) return undefined;
    return { id, roomId, fromDevice, methods, sentAt: row.originServerTs };
  },
};
