import type { clientServer } from '@candor/spec';
import type { Upload } from '../../../media/store-upload.ts';
import type { Request } from '../../handler.ts';

type UploadRequest = Pick<
  Request<typeof clientServer.uploadContent>,
  'body' | 'caller' | 'headers' | 'query'
>;

/** What a client uploads, and what it says of it. */
export const readUpload = ({ body, caller, headers, query }: UploadRequest): Upload => {
  const contentType = headers['content-type'];
  return {
    userId: caller.userId,
    content: body,
    contentType: typeof contentType === 'string' ? contentType : undefined,
    fileName: query.filename,
  };
};
