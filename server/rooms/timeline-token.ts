import { MatrixError } from '@candor/spec';
import type { TimelineBound, TimelinePlace } from '../storage/timeline.ts';

/** `t{depth}-{position}`: the gap after that place. A gap before an event is the one after its position less one. */
export const timelineToken = ({ depth, position }: TimelinePlace): string =>
  `t${depth}-${position}`;

/** Reads a token of a timeline or of a sync, whose first number is a stream position. Throws M_INVALID_PARAM. */
export const readTimelineToken = (token: string): TimelineBound => {
  const place = /^t(\d{1,16})-(-?\d{1,16})$/.exec(token);
  if (place) return { depth: Number(place[1]), position: Number(place[2]) };
  const stream = /^s(\d{1,16})(?:_|$)/.exec(token);
  if (stream) return { streamPosition: Number(stream[1]) };
  throw new MatrixError('M_INVALID_PARAM', 'not a pagination token');
};
