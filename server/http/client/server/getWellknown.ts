import type { clientServer } from '@candor/spec';
import type { Handler } from '../../handler.ts';

export const getWellknown: Handler<typeof clientServer.getWellknown> = async ({ config }) => ({
  'm.homeserver': { base_url: config.client.publicUrl },
});
