import { getVersion } from './getVersion.ts';

export const serverHandlers = { getVersion };
