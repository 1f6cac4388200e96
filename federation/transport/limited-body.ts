import { limits } from '@candor/spec';
import type { Dispatcher } from 'undici';
import type { Json, JsonObject } from '../events/room-event.ts';
import { isObject } from '../json/is-object.ts';
import { ListSplitter } from '../json/list-splitter.ts';
import { parseJson } from '../json/parse-json.ts';
import { PeerError, toPeerError } from './peer-error.ts';

/** The bytes of an answer as they come, up to a limit. Read it or discard it: an open answer holds its connection. */
export class LimitedBody implements AsyncIterable<Uint8Array> {
  readonly #body: Dispatcher.ResponseData['body'];
  readonly #bytesMax: number;
  readonly #from: string;

  constructor(body: Dispatcher.ResponseData['body'], bytesMax: number, from: string) {
    this.#body = body;
    this.#bytesMax = bytesMax;
    this.#from = from;
  }

  /** Throws a `PeerError` when the answer is too large or breaks off. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    let bytes = 0;
    try {
      for await (const chunk of this.#body as AsyncIterable<Uint8Array>) {
        bytes += chunk.length;
        if (bytes > this.#bytesMax) {
          const text = `${this.#from}: the answer is over ${this.#bytesMax} bytes`;
          throw new PeerError('too-large', text);
        }
        yield chunk;
      }
    } catch (error) {
      throw toPeerError(error, this.#from);
    }
  }

  /** The whole of it as JSON; throws a `PeerError` also when it is none. */
  async json(): Promise<unknown> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of this) chunks.push(chunk);
    try {
      return parseJson(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks)));
    } catch (error) {
      throw new PeerError('bad-answer', `${this.#from}: the answer is not JSON`, { cause: error });
    }
  }

  /**
   * An object as JSON whose lists under some names may be long: they are parsed item by item as they come, so that
   * none holds the event loop. Throws a `PeerError` also when it is no object.
   */
  async jsonWithLists(names: readonly string[]): Promise<JsonObject> {
    const lists = new Map<string, Json[]>();
    const splitter = new ListSplitter(names, (name, item) => {
      const list = lists.get(name) ?? [];
      lists.set(name, list);
      list.push(parseJson(item) as Json);
    });
    try {
      for await (const chunk of this) splitter.push(chunk);
      const rest = parseJson(splitter.end());
      if (isObject(rest)) return { ...rest, ...Object.fromEntries(lists) };
    } catch (cause) {
      if (cause instanceof PeerError) throw cause;
      throw new PeerError('bad-answer', `${this.#from}: the answer is not JSON`, { cause });
    }
    throw new PeerError('bad-answer', `${this.#from}: the answer is no object`);
  }

  /** Gives the connection back; reads a short rest, breaks off a long one. Never rejects. */
  async discard(): Promise<void> {
    await this.#body.dump({ limit: limits.discardedBytesMax }).catch(() => undefined);
  }
}
