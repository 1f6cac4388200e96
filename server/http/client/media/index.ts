import { createContent } from './createContent.ts';
import { getConfig } from './getConfig.ts';
import { getConfigAuthed } from './getConfigAuthed.ts';
import { getContent } from './getContent.ts';
import { getContentAuthed } from './getContentAuthed.ts';
import { getContentOverrideName } from './getContentOverrideName.ts';
import { getContentOverrideNameAuthed } from './getContentOverrideNameAuthed.ts';
import { getContentThumbnail } from './getContentThumbnail.ts';
import { getContentThumbnailAuthed } from './getContentThumbnailAuthed.ts';
import { uploadContent } from './uploadContent.ts';
import { uploadContentToMXC } from './uploadContentToMXC.ts';

export const mediaHandlers = {
  createContent,
  getConfig,
  getConfigAuthed,
  getContent,
  getContentAuthed,
  getContentOverrideName,
  getContentOverrideNameAuthed,
  getContentThumbnail,
  getContentThumbnailAuthed,
  uploadContent,
  uploadContentToMXC,
};
