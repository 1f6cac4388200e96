import { parseJson } from '@candor/federation';
import { MatrixError } from '@candor/spec';
import type { RawData, WebSocket } from 'ws';

const badFrame = (text: string) => new MatrixError('M_BAD_JSON', text);

/** The frames of a client, which may send one only when it is asked for it. */
export class ClientFrames {
  #expected: ((text: string) => void) | undefined;

  /** `fail` hears of frames that nothing asked for. */
  constructor(socket: WebSocket, fail: (error: MatrixError) => void) {
    socket.on('message', (data: RawData, isBinary: boolean) => {
      const take = this.#expected;
      this.#expected = undefined;
      if (isBinary) fail(badFrame('frames have to be text'));
      else if (take) take(String(data));
      else fail(badFrame('there is nothing to acknowledge'));
    });
  }

  /** The next frame, which has to come after this call. Rejects with M_BAD_JSON for what is no such frame. */
  async next<Frame>(isFrame: (value: unknown) => value is Frame, name: string): Promise<Frame> {
    const text = await new Promise<string>((resolve) => {
      this.#expected = resolve;
    });
    let frame: unknown;
    try {
      frame = parseJson(text);
    } catch {
      throw badFrame('not JSON');
    }
    if (isFrame(frame)) return frame;
    throw badFrame(`not ${name} frame`);
  }
}
