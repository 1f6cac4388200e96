import { getRoomSummary } from './getRoomSummary.ts';
import { getSpaceHierarchy } from './getSpaceHierarchy.ts';

export const spaceHandlers = {
  getRoomSummary,
  getSpaceHierarchy,
};
