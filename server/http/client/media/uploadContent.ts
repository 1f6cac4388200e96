import type { clientServer } from '@candor/spec';
import { mxcUri } from '../../../media/media-name.ts';
import { storeUpload } from '../../../media/store-upload.ts';
import type { Handler } from '../../handler.ts';
import { readUpload } from './read-upload.ts';

export const uploadContent: Handler<typeof clientServer.uploadContent> = async (
  context,
  request,
) => ({
  content_uri: mxcUri(await storeUpload(context, readUpload(request))),
});
