import type { JsonObject } from '@candor/federation';
import type { Rotation } from '../signal/sender-keys.ts';
import { signalNames } from '../signal/signal-names.ts';

/** How a room is encrypted, as far as we are concerned. */
export type RoomEncryption = 'none' | 'direct' | 'group' | 'foreign';

const kindOf = (content: JsonObject | null): RoomEncryption => {
  if (content === null) return 'none';
  if (content['algorithm'] === signalNames.pairwise) return 'direct';
  return content['algorithm'] === signalNames.group ? 'group' : 'foreign';
};

const positive = (value: unknown): number | undefined =>
  typeof value === 'number' && value > 0 ? value : undefined;

const lower = (a: JsonObject, b: JsonObject, name: string): JsonObject => {
  const values = [positive(a[name]), positive(b[name])].filter((value) => value !== undefined);
  return values.length === 0 ? {} : { [name]: Math.min(...values) };
};

/** The rules about `m.room.encryption`, which can be switched on and never off again. */
export const roomEncryption = {
  kindOf,

  /**
   * What holds after an `m.room.encryption` event, whoever sent it: the first of our algorithms
   * stays, and the limits of rotation only go down.
   */
  // https://spec.matrix.org/v1.19/client-server-api/#mroomencryption
  after: (known: JsonObject | null, content: JsonObject): JsonObject => {
    const isOurs = ['direct', 'group'].includes(kindOf(known));
    if (known === null || (!isOurs && kindOf(content) !== 'foreign')) return content;
    if (!isOurs || known['algorithm'] !== content['algorithm']) return known;
    return {
      ...known,
      ...lower(known, content, 'rotation_period_ms'),
      ...lower(known, content, 'rotation_period_msgs'),
    };
  },

  rotationOf: (content: JsonObject): Rotation => {
    const messages = positive(content['rotation_period_msgs']);
    const periodMs = positive(content['rotation_period_ms']);
    return {
      ...(messages !== undefined && { messages }),
      ...(periodMs !== undefined && { periodMs }),
    };
  },
};
