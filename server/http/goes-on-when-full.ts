import type { candor, clientServer, federation, Operation } from '@candor/spec';

type OperationId = keyof typeof clientServer | keyof typeof federation | keyof typeof candor;

/** What only reads although it is sent with POST, and what makes room. */
const others: ReadonlySet<string> = new Set<OperationId>([
  'queryPublicRooms',
  'queryKeys',
  'search',
  'searchUserDirectory',
  'logout',
  'logout_all',
  'deleteDevices',
  'getMissingPreviousEvents',
  'queryUserEncryptionKeys',
  'bulkPerspectivesKeyQuery',
]);

/** Whether an operation is served while the disk is full: what writes is refused at the door. */
export const goesOnWhenFull = ({ id, method }: Operation): boolean =>
  method === 'GET' || method === 'DELETE' || others.has(id);
