import type { Readable } from 'node:stream';

export type AnswerFields = {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** `application/json` unless said otherwise. */
  readonly contentType?: string;
  /** Sent as it is: JSON that is serialised already, bytes, or a stream. Nothing for an empty answer. */
  readonly body?: string | Buffer | Readable;
  /** Bytes of a stream, where they are known. */
  readonly length?: number;
};

/** An answer that is more than a JSON object with status 200. */
export class Answer {
  readonly fields: AnswerFields;

  constructor(fields: AnswerFields) {
    this.fields = fields;
  }
}
