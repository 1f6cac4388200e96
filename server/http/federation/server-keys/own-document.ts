import type { JsonObject } from '@candor/federation';
import { ownKeyDocument } from '@candor/federation/transport';
import { limits } from '@candor/spec';
import type { Context } from '../../../context.ts';

/** The keys of this server, signed with them. */
export const ownDocument = ({ config, federation, now }: Context): JsonObject =>
  ownKeyDocument({
    serverName: config.serverName,
    signingKey: federation.signingKey,
    oldKeys: Object.fromEntries(
      federation.oldSigningKeys.map(({ keyId, publicKey, expiredTs }) => [
        keyId,
        { key: publicKey, expiredTs },
      ]),
    ),
    validUntilTs: now() + limits.ownKeyValidityMs,
  });
