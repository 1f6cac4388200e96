import { limits } from '@candor/spec';

export type Part = {
  readonly headers: ReadonlyMap<string, string>;
  readonly body: AsyncIterable<Uint8Array>;
};

/** The `boundary` of a `multipart/mixed` content type; undefined for any other. */
export const boundaryOf = (contentType: unknown): string | undefined => {
  if (typeof contentType !== 'string' || !/^multipart\/mixed *;/i.test(contentType))
    return undefined;
  const found = /; *boundary=(?:"([^"]{1,70})"|([^\s";]{1,70}))/i.exec(contentType);
  return found?.[1] ?? found?.[2];
};

/** Bytes that were read from a source and not used yet. */
class Window {
  readonly #source: AsyncIterator<Uint8Array>;
  #bytes: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  async more(): Promise<boolean> {
    const { value, done } = await this.#source.next();
    if (done) return false;
    this.#bytes = Buffer.concat([this.#bytes, value]);
    return true;
  }

  indexOf(mark: Buffer): number {
    return this.#bytes.indexOf(mark);
  }

  get length(): number {
    return this.#bytes.length;
  }

  take(count: number): Buffer {
    const taken = this.#bytes.subarray(0, count);
    this.#bytes = this.#bytes.subarray(count);
    return taken;
  }

  async close(): Promise<void> {
    await this.#source.return?.();
  }
}

/** Everything up to a mark, which is skipped, and at most `bytesMax`. Throws when the mark does not come. */
const takeUpTo = async (window: Window, mark: Buffer, bytesMax: number): Promise<Buffer> => {
  for (;;) {
    const index = window.indexOf(mark);
    if (index > bytesMax || (index < 0 && window.length > bytesMax)) {
      throw new Error('a part of the multipart body is too long');
    }
    if (index >= 0) {
      const taken = window.take(index);
      window.take(mark.length);
      return taken;
    }
    if (!(await window.more())) throw new Error('the multipart body broke off');
  }
};

const readHeaders = (text: string): ReadonlyMap<string, string> =>
  new Map(
    text.split('\r\n').flatMap((line) => {
      const colon = line.indexOf(':');
      const name = line.slice(0, colon).trim().toLowerCase();
      return colon > 0 ? [[name, line.slice(colon + 1).trim()] as const] : [];
    }),
  );

async function* bodyUpTo(window: Window, mark: Buffer): AsyncGenerator<Uint8Array, void> {
  try {
    for (;;) {
      const index = window.indexOf(mark);
      if (index >= 0) {
        if (index > 0) yield window.take(index);
        return;
      }
      // The last bytes may be the beginning of the mark.
      const free = window.length - mark.length;
      if (free > 0) yield window.take(free);
      if (!(await window.more())) throw new Error('the multipart body broke off');
    }
  } finally {
    await window.close();
  }
}

/**
 * The second part of a multipart body, as servers send media: what comes before it is short and skipped, its own
 * bytes are streamed. Throws when the body is not of that kind; whoever does not read the part must close its body.
 */
// https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1mediadownloadmediaid
// https://www.rfc-editor.org/rfc/rfc2046#section-5.1.1
export const readSecondPart = async (
  source: AsyncIterable<Uint8Array>,
  boundary: string,
): Promise<Part> => {
  const window = new Window(source);
  const delimiter = Buffer.from(`--${boundary}`);
  const blank = Buffer.from('\r\n\r\n');
  const bytesMax = limits.multipartHeaderBytesMax;
  try {
    await takeUpTo(window, delimiter, bytesMax);
    await takeUpTo(window, delimiter, bytesMax);
    const head = await takeUpTo(window, blank, bytesMax);
    return {
      headers: readHeaders(head.toString('latin1')),
      body: bodyUpTo(window, Buffer.from(`\r\n--${boundary}`)),
    };
  } catch (error) {
    await window.close();
    throw error;
  }
};
