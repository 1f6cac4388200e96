import { deleteProfileField } from './deleteProfileField.ts';
import { getProfileField } from './getProfileField.ts';
import { getUserProfile } from './getUserProfile.ts';
import { setProfileField } from './setProfileField.ts';

export const profileHandlers = {
  deleteProfileField,
  getProfileField,
  getUserProfile,
  setProfileField,
};
