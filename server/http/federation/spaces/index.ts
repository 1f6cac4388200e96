import { getSpaceHierarchy } from './getSpaceHierarchy.ts';

export const spaceHandlers = { getSpaceHierarchy };
