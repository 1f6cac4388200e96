import type { federation, ResponseOf } from '@candor/spec';
import type { Handler } from '../../handler.ts';
import { ownDocument } from './own-document.ts';

type Answer = ResponseOf<typeof federation.getServerKey>;

export const getServerKey: Handler<typeof federation.getServerKey> = async (context) =>
  ownDocument(context) as Answer;
