import { sync } from './sync.ts';

export const syncHandlers = { sync };
