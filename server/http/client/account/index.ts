import { changePassword } from './changePassword.ts';
import { checkUsernameAvailability } from './checkUsernameAvailability.ts';
import { deactivateAccount } from './deactivateAccount.ts';
import { getAccount3PIDs } from './getAccount3PIDs.ts';
import { register } from './register.ts';
import { registrationTokenValidity } from './registrationTokenValidity.ts';

export const accountHandlers = {
  changePassword,
  checkUsernameAvailability,
  deactivateAccount,
  getAccount3PIDs,
  register,
  registrationTokenValidity,
};
