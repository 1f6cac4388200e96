/** Every operation between servers that is served: one line per module. */
export const federationHandlers = {};
