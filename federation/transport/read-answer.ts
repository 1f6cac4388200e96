import { parseJson } from '../json/parse-json.ts';
import { PeerError, toPeerError } from './peer-error.ts';

/** Hands the chunks of an answer on and breaks off once there are more than `bytesMax` bytes. */
export async function* limitBytes(
  body: AsyncIterable<Uint8Array>,
  bytesMax: number,
  from: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  let bytes = 0;
  try {
    for await (const chunk of body) {
      bytes += chunk.length;
      if (bytes > bytesMax) {
        throw new PeerError('too-large', `${from}: the answer is over ${bytesMax} bytes`);
      }
      yield chunk;
    }
  } catch (error) {
    throw toPeerError(error, from);
  }
}

/** The whole answer as JSON; throws a `PeerError` when it is too large, breaks off or is not JSON. */
export const readJsonAnswer = async (
  body: AsyncIterable<Uint8Array>,
  bytesMax: number,
  from: string,
): Promise<unknown> => {
  const chunks: Uint8Array[] = [];
  for await (const chunk of limitBytes(body, bytesMax, from)) chunks.push(chunk);
  try {
    return parseJson(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks)));
  } catch (error) {
    throw new PeerError('bad-answer', `${from}: the answer is not JSON`, { cause: error });
  }
};
