import type { Tx } from './database.ts';

/** What a user has told the administrators of a room, of an event in it, or of another user. */
export type Report = {
  readonly reporter: string;
  readonly roomId?: string;
  readonly eventId?: string;
  readonly userId?: string;
  readonly reason?: string | undefined;
  /** From -100, worst, to 0. */
  readonly score?: number | undefined;
};

export const insertReport = async ({ sql }: Tx, report: Report, now: number): Promise<void> => {
  await sql
    .insertInto('reports')
    .values({
      reporter: report.reporter,
      room_id: report.roomId ?? null,
      event_id: report.eventId ?? null,
      user_id: report.userId ?? null,
      reason: report.reason ?? null,
      score: report.score ?? null,
      received_at: now,
    })
    .execute();
};
