import { setTyping } from './setTyping.ts';

export const typingHandlers = { setTyping };
