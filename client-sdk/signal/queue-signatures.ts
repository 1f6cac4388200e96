import { isObject, type JsonObject } from '@candor/federation';
import type { TableWriter } from '../stores/store.ts';

const merge = (a: JsonObject, b: JsonObject): JsonObject => {
  const merged = new Map(Object.entries(a));
  for (const [userId, objects] of Object.entries(b)) {
    const known = merged.get(userId);
    merged.set(userId, {
      ...(isObject(known) ? known : {}),
      ...(isObject(objects) ? objects : {}),
    });
  }
  return Object.fromEntries(merged);
};

/** Adds signatures to those that wait to be uploaded. */
export const queueSignatures = (tables: TableWriter, body: JsonObject): void => {
  const operation = 'uploadCrossSigningSignatures';
  const waiting = tables.get('crossSigningUploads', { operation })?.body ?? {};
  tables.put('crossSigningUploads', { operation, body: merge(waiting, body) });
};
