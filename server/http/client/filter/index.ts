import { defineFilter } from './defineFilter.ts';
import { getFilter } from './getFilter.ts';

export const filterHandlers = {
  defineFilter,
  getFilter,
};
