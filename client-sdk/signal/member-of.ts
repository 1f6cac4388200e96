import { isObject } from '@candor/federation';

/** A member of an object by a name that came from outside; never one of the prototype's. */
export const memberOf = (object: unknown, name: string): unknown =>
  isObject(object) && Object.hasOwn(object, name) ? object[name] : undefined;
