import { getContent } from './getContent.ts';
import { getContentThumbnail } from './getContentThumbnail.ts';

export const mediaHandlers = { getContent, getContentThumbnail };
