import { channel } from 'node:diagnostics_channel';
import { limits } from '@candor/spec';
import type { Logger } from '../log.ts';
import { recentlyUsed } from '../recently-used.ts';
import type { Tables } from './tables.ts';

/** Which row holds something else than what this server wrote, which is always JSON. */
export type RowName = { readonly table: keyof Tables; readonly row: string };

const spoiled = channel('candor.storage.spoiled-row');

/** Somebody has found a row that nothing can be done with. */
export const tellSpoiledRow = (name: RowName): void => spoiled.publish(name);

/** What this server wrote as JSON; undefined where that cannot be read any more, so that the row is missed and no other. */
export const readJson = (text: string, name: RowName): unknown => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    tellSpoiledRow(name);
    return undefined;
  }
};

/** Tells the operator of each spoiled row once, without what is in it. Gives the way to stop. */
export const logSpoiledRows = (log: Logger): (() => void) => {
  const told = recentlyUsed<string, true>(limits.spoiledRowsRememberedMax);
  const tell = (message: unknown): void => {
    const { table, row } = message as RowName;
    const name = `${table} ${row}`;
    if (told.has(name)) return;
    told.set(name, true);
    log.warn({ table, row }, 'a row cannot be read');
  };
  spoiled.subscribe(tell);
  return () => {
    spoiled.unsubscribe(tell);
  };
};
