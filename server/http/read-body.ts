import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { type Readable, Transform } from 'node:stream';
import { parseJson } from '@candor/federation';
import { MatrixError } from '@candor/spec';

const tooLarge = (bytesMax: number): MatrixError =>
  new MatrixError('M_TOO_LARGE', `The request body is larger than ${bytesMax} bytes`);

const refuseDeclaredLength = (incoming: IncomingMessage, bytesMax: number): void => {
  if (Number(incoming.headers['content-length'] ?? 0) > bytesMax) throw tooLarge(bytesMax);
};

/** Collects a request body. Throws M_TOO_LARGE before or while reading, M_UNKNOWN when the client broke off. */
const readBytes = (incoming: IncomingMessage, bytesMax: number): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    incoming.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length <= bytesMax) {
        chunks.push(chunk);
        return;
      }
      incoming.removeAllListeners('data').pause();
      reject(tooLarge(bytesMax));
    });
    incoming.on('end', () => {
      const only = chunks.length === 1 ? chunks[0] : undefined;
      resolve(only ?? Buffer.concat(chunks));
    });
    const brokenOff = () =>
      reject(new MatrixError('M_UNKNOWN', 'The request body broke off', { status: 400 }));
    incoming.on('error', brokenOff);
    // A body that was read whole closes too, at each request.
    incoming.on('close', () => {
      if (!incoming.readableEnded) brokenOff();
    });
  });

export type ReceivedBody = {
  /** Parsed JSON, or a stream of bytes; undefined when there is no body. */
  readonly value: unknown;
  /** The JSON as it came. */
  readonly text?: string;
};

/** Reads a JSON body whatever its Content-Type says. Throws M_TOO_LARGE or M_NOT_JSON. */
// https://spec.matrix.org/v1.19/client-server-api/#api-standards
export const readJsonBody = async (
  incoming: IncomingMessage,
  bytesMax: number,
  depthMax?: number,
): Promise<ReceivedBody> => {
  refuseDeclaredLength(incoming, bytesMax);
  const bytes = await readBytes(incoming, bytesMax);
  if (bytes.length === 0) return { value: undefined };
  try {
    if (!isUtf8(bytes)) throw new SyntaxError('not UTF-8');
    const text = bytes.toString();
    return { value: parseJson(text, depthMax), text };
  } catch (cause) {
    const reason =
      cause instanceof SyntaxError && cause.message.startsWith('JSON ') ? cause.message : undefined;
    throw new MatrixError('M_NOT_JSON', reason ?? 'The body is not JSON', { cause });
  }
};

/** The raw body as a stream that fails with M_TOO_LARGE when it grows beyond `bytesMax`. */
export const openByteBody = (incoming: IncomingMessage, bytesMax: number): Readable => {
  refuseDeclaredLength(incoming, bytesMax);
  let length = 0;
  const capped = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      length += chunk.length;
      if (length > bytesMax) done(tooLarge(bytesMax));
      else done(null, chunk);
    },
  });
  incoming.on('error', (error) => capped.destroy(error));
  incoming.on('close', () => {
    if (!incoming.readableEnded) capped.destroy(new Error('The request body broke off'));
  });
  return incoming.pipe(capped);
};
