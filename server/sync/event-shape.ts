import { isObject, type Json, type JsonObject } from '@candor/federation';
import { readPropertyPath } from '../push/property-path.ts';
import type { StoredEvent } from '../storage/stored-event.ts';
import type { SyncFilter } from './sync-scope.ts';

/** Gives the text of an event the shape that a filter asks for. */
export type EventShape = (text: string, stored: StoredEvent) => string;

const copyPath = (from: JsonObject, to: Record<string, Json>, path: readonly string[]): void => {
  const [name, ...rest] = path;
  if (name === undefined || !Object.hasOwn(from, name)) return;
  const value = from[name] ?? null;
  if (rest.length === 0) {
    to[name] = value;
    return;
  }
  if (!isObject(value)) return;
  const inner = Object.hasOwn(to, name) && isObject(to[name]) ? { ...to[name] } : {};
  copyPath(value, inner, rest);
  to[name] = inner;
};

const federationText = (text: string, { event }: StoredEvent): string => {
  const { unsigned } = JSON.parse(text) as { readonly unsigned: JsonObject };
  return JSON.stringify({ ...event.pdu, event_id: event.eventId, unsigned });
};

/** Undefined where the filter asks for nothing special. */
// https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3useruseridfilter_request_filter
export const eventShapeOf = (filter: SyncFilter): EventShape | undefined => {
  const { event_fields: fields, event_format: format } = filter;
  if (format === 'federation') return federationText;
  if (!fields) return undefined;
  const paths = fields.map(readPropertyPath);
  return (text) => {
    const event = JSON.parse(text) as JsonObject;
    const kept: Record<string, Json> = {};
    for (const path of paths) copyPath(event, kept, path);
    return JSON.stringify(kept);
  };
};
