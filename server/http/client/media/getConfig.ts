import { type clientServer, limits } from '@candor/spec';
import type { Handler } from '../../handler.ts';

export const getConfig: Handler<typeof clientServer.getConfig> = async () => ({
  'm.upload.size': limits.mediaUploadBytesMax,
});
