import { getPresence } from './getPresence.ts';
import { setPresence } from './setPresence.ts';

export const presenceHandlers = { getPresence, setPresence };
