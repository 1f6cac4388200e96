import { sql as raw } from 'kysely';
import type { Db, Tx } from './database.ts';

/** What a media id stands for once its content has arrived. */
export type MediaContent = {
  /** Name of the blob. */
  readonly fileName: string;
  readonly contentType: string;
  readonly uploadName: string | undefined;
  readonly sizeBytes: number;
  readonly sha256: Buffer;
};

export type MediaName = { readonly origin: string; readonly mediaId: string };

export type Media = MediaName & {
  /** Undefined while the address is only reserved. */
  readonly content: MediaContent | undefined;
  /** Undefined for copies of other servers' media. */
  readonly uploadedBy: string | undefined;
  readonly createdAt: number;
};

const contentRow = (content: MediaContent | undefined) => ({
  file_name: content?.fileName ?? null,
  content_type: content?.contentType ?? null,
  upload_name: content?.uploadName ?? null,
  size_bytes: content?.sizeBytes ?? null,
  sha256: content?.sha256 ?? null,
});

type Row = {
  readonly [K in keyof ReturnType<typeof contentRow>]: ReturnType<typeof contentRow>[K];
};

const contentOf = (row: Row): MediaContent | undefined =>
  row.file_name === null
    ? undefined
    : {
        fileName: row.file_name,
        contentType: row.content_type ?? 'application/octet-stream',
        uploadName: row.upload_name ?? undefined,
        sizeBytes: row.size_bytes ?? 0,
        sha256: row.sha256 ?? Buffer.alloc(0),
      };

export const readMedia = async (
  { sql }: Db,
  { origin, mediaId }: MediaName,
): Promise<Media | undefined> => {
  const row = await sql
    .selectFrom('media')
    .selectAll()
    .where('origin', '=', origin)
    .where('media_id', '=', mediaId)
    .executeTakeFirst();
  return (
    row && {
      origin,
      mediaId,
      content: contentOf(row),
      uploadedBy: row.uploaded_by ?? undefined,
      createdAt: row.created_at,
    }
  );
};

/** Adds media, or only its address; false when the address is taken. */
export const insertMedia = async ({ sql }: Tx, media: Media): Promise<boolean> => {
  const { numInsertedOrUpdatedRows = 0n } = await sql
    .insertInto('media')
    .values({
      origin: media.origin,
      media_id: media.mediaId,
      ...contentRow(media.content),
      uploaded_by: media.uploadedBy ?? null,
      created_at: media.createdAt,
      last_read_at: media.createdAt,
    })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  return numInsertedOrUpdatedRows > 0n;
};

/** Gives a reserved address its content and tells who waits for it; false when it has content, or is not reserved. */
export const fillMedia = async (
  tx: Tx,
  { origin, mediaId }: MediaName,
  content: MediaContent,
): Promise<boolean> => {
  const { numUpdatedRows } = await tx.sql
    .updateTable('media')
    .set(contentRow(content))
    .where('origin', '=', origin)
    .where('media_id', '=', mediaId)
    .where('file_name', 'is', null)
    .executeTakeFirst();
  if (numUpdatedRows === 0n) return false;
  tx.tell({ kind: 'media', mediaId, wakes: [] });
  return true;
};

/** Drops a user's addresses that were reserved before a time and never filled; gives how many are still waiting. */
export const dropUnusedMedia = async (
  { sql }: Tx,
  userId: string,
  reservedBefore: number,
): Promise<number> => {
  const waiting = { uploaded_by: userId };
  await sql
    .deleteFrom('media')
    .where('uploaded_by', '=', waiting.uploaded_by)
    .where('file_name', 'is', null)
    .where('created_at', '<', reservedBefore)
    .execute();
  const row = await sql
    .selectFrom('media')
    .select((select) => select.fn.countAll<number>().as('count'))
    .where('uploaded_by', '=', userId)
    .where('file_name', 'is', null)
    .executeTakeFirst();
  return row?.count ?? 0;
};

/** Bytes that a user has uploaded, or without a user those of all copies from other servers. */
export const readMediaBytes = async ({ sql }: Db, userId?: string): Promise<number> => {
  const row = await sql
    .selectFrom('media')
    .select(raw<number>`coalesce(sum(size_bytes), 0)::bigint`.as('bytes'))
    .where('uploaded_by', userId === undefined ? 'is' : '=', userId ?? null)
    .executeTakeFirst();
  return row?.bytes ?? 0;
};

/** Notes that media was read, once a day at most. */
export const noteMediaRead = async (
  { sql }: Db,
  { origin, mediaId }: MediaName,
  now: number,
): Promise<void> => {
  await sql
    .updateTable('media')
    .set({ last_read_at: now })
    .where('origin', '=', origin)
    .where('media_id', '=', mediaId)
    .where('last_read_at', '<', now - 86_400_000)
    .execute();
};

/** Forgets as many copies from other servers, those read longest ago first, as free the bytes; gives their blobs' names. */
export const dropOldCopies = async ({ sql }: Tx, bytes: number): Promise<readonly string[]> => {
  const { rows } = await raw<{ file_name: string }>`
    DELETE FROM media WHERE (origin, media_id) IN (
      SELECT origin, media_id FROM (
        SELECT origin, media_id,
          sum(size_bytes) OVER (ORDER BY last_read_at, origin, media_id) - size_bytes AS before
        FROM media WHERE uploaded_by IS NULL
      ) copies WHERE before < ${bytes}
    ) RETURNING file_name`.execute(sql);
  return rows.map((row) => row.file_name);
};
