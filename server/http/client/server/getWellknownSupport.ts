import { type clientServer, MatrixError } from '@candor/spec';
import type { Handler } from '../../handler.ts';

// https://spec.matrix.org/v1.19/client-server-api/#getwell-knownmatrixsupport
export const getWellknownSupport: Handler<typeof clientServer.getWellknownSupport> = async ({
  config,
}) => {
  const { email, matrixId, page } = config.support;
  const hasContact = email !== undefined || matrixId !== undefined;
  if (!hasContact && page === undefined) {
    throw new MatrixError('M_NOT_FOUND', 'This server does not say whom to write to');
  }
  const contact = {
    role: 'm.role.admin',
    ...(matrixId !== undefined && { matrix_id: matrixId }),
    ...(email !== undefined && { email_address: email }),
  };
  return {
    ...(hasContact && { contacts: [contact] }),
    ...(page !== undefined && { support_page: page }),
  };
};
