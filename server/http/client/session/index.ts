import { getTokenOwner } from './getTokenOwner.ts';

export const sessionHandlers = { getTokenOwner };
