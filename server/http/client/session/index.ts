import { getLoginFlows } from './getLoginFlows.ts';
import { getTokenOwner } from './getTokenOwner.ts';
import { login } from './login.ts';
import { logout } from './logout.ts';
import { logout_all } from './logout_all.ts';
import { refresh } from './refresh.ts';
import { requestOpenIdToken } from './requestOpenIdToken.ts';

export const sessionHandlers = {
  getLoginFlows,
  getTokenOwner,
  login,
  logout,
  logout_all,
  refresh,
  requestOpenIdToken,
};
