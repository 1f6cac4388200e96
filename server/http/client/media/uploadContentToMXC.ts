import type { clientServer } from '@candor/spec';
import { readMediaName } from '../../../media/media-name.ts';
import { storeReservedUpload } from '../../../media/store-upload.ts';
import type { Handler } from '../../handler.ts';
import { readUpload } from './read-upload.ts';

export const uploadContentToMXC: Handler<typeof clientServer.uploadContentToMXC> = async (
  context,
  request,
) => {
  const name = readMediaName(request.params.serverName, request.params.mediaId);
  await storeReservedUpload(context, name, readUpload(request));
  return {};
};
