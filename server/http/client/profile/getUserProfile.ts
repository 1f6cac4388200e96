import type { clientServer } from '@candor/spec';
import { findProfile } from '../../../peers/find-profile.ts';
import type { Handler } from '../../handler.ts';

export const getUserProfile: Handler<typeof clientServer.getUserProfile> = async (
  context,
  { params, caller },
) => findProfile(context, caller, params.userId);
