const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const [openList, closeList] = [0x5b, 0x5d];
const [openObject, closeObject] = [0x7b, 0x7d];

/** How far before a list its name is looked for. */
const nameBytesMax = 128;

const malformed = () => new SyntaxError('JSON is malformed');

/**
 * Takes the JSON of an object apart as its bytes come: the items of the lists under some names go to `take`, each as a
 * text of its own; what is left is the same object with those lists empty. It only finds where texts end: whoever
 * parses them sees whether they are JSON. Throws `SyntaxError` and, for what is no UTF-8, `TypeError`.
 */
export class ListSplitter {
  readonly #names: readonly string[];
  readonly #take: (name: string, item: string) => void;
  readonly #decoder = new TextDecoder('utf-8', { fatal: true });
  readonly #rest: Uint8Array[] = [];
  /** Of the item that is open, or outside the lists of what is left. */
  #pieces: Uint8Array[] = [];
  #list: string | undefined;
  #hasItems = false;
  #depth = 0;
  #isInString = false;
  #isEscaped = false;

  constructor(names: readonly string[], take: (name: string, item: string) => void) {
    this.#names = names;
    this.#take = take;
  }

  push(bytes: Uint8Array): void {
    let start = 0;
    for (let at = 0; at < bytes.length; at += 1) {
      const byte = bytes[at];
      if (this.#isInString) this.#goOnInString(byte);
      else if (byte === quote) this.#isInString = true;
      else if (byte === openObject || byte === openList) {
        this.#depth += 1;
        if (byte !== openList || this.#depth !== 2) continue;
        this.#pieces.push(bytes.subarray(start, at + 1));
        start = at + 1;
        this.#beginList();
      } else if (byte === comma && this.#isBetweenItems) {
        this.#endItem(bytes.subarray(start, at));
        start = at + 1;
      } else if (byte === closeObject || byte === closeList) {
        if (this.#isBetweenItems) {
          this.#endList(byte, bytes.subarray(start, at));
          start = at;
        }
        this.#depth -= 1;
      }
    }
    if (start < bytes.length) this.#pieces.push(bytes.subarray(start));
  }

  /** What is left when nothing more comes. */
  end(): string {
    if (this.#list !== undefined) throw malformed();
    return this.#decoder.decode(Buffer.concat([...this.#rest, ...this.#pieces]));
  }

  get #isBetweenItems(): boolean {
    return this.#depth === 2 && this.#list !== undefined;
  }

  #goOnInString(byte: number | undefined): void {
    if (this.#isEscaped) this.#isEscaped = false;
    else if (byte === backslash) this.#isEscaped = true;
    else if (byte === quote) this.#isInString = false;
  }

  #beginList(): void {
    const before = Buffer.concat(this.#pieces).subarray(-nameBytesMax).toString('latin1');
    this.#list = this.#names.find((name) =>
      new RegExp(`[{,]\\s*"${name}"\\s*:\\s*\\[$`).test(before),
    );
    if (this.#list === undefined) return;
    this.#rest.push(...this.#pieces);
    this.#pieces = [];
    this.#hasItems = false;
  }

  #endItem(last: Uint8Array): void {
    const text = this.#decoder.decode(Buffer.concat([...this.#pieces, last]));
    this.#pieces = [];
    this.#hasItems = true;
    if (this.#list !== undefined) this.#take(this.#list, text);
  }

  #endList(byte: number, last: Uint8Array): void {
    if (byte !== closeList) throw malformed();
    const isBlank = [...this.#pieces, last].every((piece) =>
      /^\s*$/.test(Buffer.from(piece).toString('latin1')),
    );
    // Behind a comma there is an item, and nothing is none.
    if (!isBlank || this.#hasItems) this.#endItem(last);
    this.#pieces = [];
    this.#list = undefined;
  }
}
