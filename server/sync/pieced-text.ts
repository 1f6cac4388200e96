/** Long enough that few pieces are made, short enough that none of them takes long to encode. */
const pieceCharactersMin = 65_536;

/** A text that may grow long, as bytes in pieces: a string of such length would be copied whole, and held twice. */
export class PiecedText {
  readonly #pieces: Buffer[] = [];
  #tail = '';
  #bytes = 0;

  add(text: string): void {
    this.#tail += text;
    if (this.#tail.length >= pieceCharactersMin) this.#cut();
  }

  /** What was added; nothing more may be. */
  end(): { readonly pieces: readonly Buffer[]; readonly bytes: number } {
    if (this.#tail !== '') this.#cut();
    return { pieces: this.#pieces, bytes: this.#bytes };
  }

  #cut(): void {
    const piece = Buffer.from(this.#tail);
    this.#pieces.push(piece);
    this.#bytes += piece.length;
    this.#tail = '';
  }
}
