import { getMutualRooms } from './getMutualRooms.ts';
import { searchUserDirectory } from './searchUserDirectory.ts';

export const userHandlers = {
  getMutualRooms,
  searchUserDirectory,
};
