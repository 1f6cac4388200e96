import type { clientServer } from '@candor/spec';
import type { Handler } from '../../handler.ts';

// https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientversions
const answer = {
  versions: Array.from({ length: 19 }, (_, minor) => `v1.${minor + 1}`),
  unstable_features: {
    'dev.candor.ws': true,
    'dev.candor.signal.pqxdh.v1': true,
    'dev.candor.signal.senderkey.v1': true,
  },
};

export const getVersions: Handler<typeof clientServer.getVersions> = async () => answer;
