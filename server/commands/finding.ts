/** What doctor says of one thing; a fault would stop the start or every write. */
export type Finding = { readonly level: 'good' | 'warning' | 'fault'; readonly text: string };

export const good = (text: string): Finding => ({ level: 'good', text });
export const warning = (text: string): Finding => ({ level: 'warning', text });
export const fault = (text: string): Finding => ({ level: 'fault', text });
