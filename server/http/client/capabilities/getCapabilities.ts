import { defaultRoomVersion, supportedRoomVersions } from '@candor/federation';
import type { clientServer } from '@candor/spec';
import type { Handler } from '../../handler.ts';

const enabled = { enabled: true };
const disabled = { enabled: false };

// https://spec.matrix.org/v1.19/client-server-api/#capabilities-negotiation
const answer = {
  capabilities: {
    'm.change_password': enabled,
    'm.room_versions': {
      default: defaultRoomVersion,
      available: Object.fromEntries(
        supportedRoomVersions.map((version) => [version, 'stable' as const]),
      ),
    },
    'm.set_displayname': enabled,
    'm.set_avatar_url': enabled,
    'm.profile_fields': enabled,
    'm.3pid_changes': disabled,
    'm.get_login_token': disabled,
  },
};

export const getCapabilities: Handler<typeof clientServer.getCapabilities> = async () => answer;
