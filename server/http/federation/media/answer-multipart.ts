import { Readable } from 'node:stream';
import { Answer } from '../../answer.ts';

export type SentPart = {
  readonly body: Readable;
  readonly length: number;
  readonly contentType: string;
  readonly disposition: string;
};

/** A file for another server: its metadata, of which there is none yet, and its bytes. */
// https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1mediadownloadmediaid
export const answerMultipart = (part: SentPart, boundary: string): Answer => {
  const head = Buffer.from(
    [
      `--${boundary}`,
      'Content-Type: application/json',
      '',
      '{}',
      `--${boundary}`,
      `Content-Type: ${part.contentType}`,
      `Content-Disposition: ${part.disposition}`,
      '',
      '',
    ].join('\r\n'),
  );
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
  const all = async function* () {
    yield head;
    yield* part.body;
    yield tail;
  };
  const body = Readable.from(all());
  body.once('close', () => part.body.destroy());
  return new Answer({
    body,
    contentType: `multipart/mixed; boundary=${boundary}`,
    length: head.length + part.length + tail.length,
  });
};
