/**
 * JSON Web Tokens in what comes bit by bit, such as a pod's own in what a command prints. It keeps from showing them by
 * accident: who runs a program may have it print anything in another form.
 */

const MASKED = Buffer.from("[masked: token]");
/** The characters of a token: those of base64url, and dots. */
const IS_WORD = new Uint8Array(256);
for (const character of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")
  IS_WORD[character.charCodeAt(0)] = 1;
/** How every token begins: `{"` in base64. */
const BEGINNING = Buffer.from("eyJ");
/** So many characters of that are shown before it is clear what they begin. Otherwise text would be held back at a prompt. */
const OUT = 2;
/** In characters: the shortest token, and the longest header and claims. */
const [SHORTEST, LONGEST] = [30, 16 * 1024];
const EMPTY = Buffer.alloc(0);

/** Scans one stream. */
export class JwtScanner {
  /** `held`: it may be a token. `token`: it is one, and what is left of it is dropped. */
  #state: "plain" | "held" | "token" = "plain";
  /** The beginning of what may be a token, as far as it was shown. */
  #begun: Buffer = EMPTY;
  #held: Buffer = EMPTY;

  /** @returns what of the stream may be shown by now. */
  push(bytes: Buffer): Buffer {
    const out: Buffer[] = [];
    for (let rest = bytes; rest.length > 0; ) rest = this.#next(rest, out);
    return out.length === 1 && out[0] !== undefined ? out[0] : Buffer.concat(out);
  }

  /** @returns what was held back to the end, for it was no token. */
  end(): Buffer {
    const left = this.#held;
    this.#held = EMPTY;
    this.#state = "plain";
    return left;
  }

  /** Gives what is left of the bytes. */
  #next(bytes: Buffer, out: Buffer[]): Buffer {
    if (this.#state === "plain") return this.#plain(bytes, out);
    const end = wordEnd(bytes);
    if (this.#state === "held") this.#word(bytes.subarray(0, end), end < bytes.length, out);
    else if (end < bytes.length) this.#state = "plain";
    return bytes.subarray(end);
  }

  /** Up to where a token may begin. */
  #plain(bytes: Buffer, out: Buffer[]): Buffer {
    const before = this.#begun.length;
    const text = before === 0 ? bytes : Buffer.concat([this.#begun, bytes]);
    const found = text.indexOf(BEGINNING);
    const to = found < 0 ? text.length : found + OUT;
    out.push(text.subarray(before, to));
    this.#begun = found < 0 ? begunIn(text) : EMPTY;
    if (found >= 0) this.#state = "held";
    return text.subarray(to);
  }

  #word(part: Buffer, isOver: boolean, out: Buffer[]): void {
    this.#held = Buffer.concat([this.#held, part]);
    if (isJwt(this.#held.toString("latin1"))) {
      out.push(MASKED);
      this.#held = EMPTY;
      this.#state = "token";
    } else if (isOver || this.#held.length > LONGEST) out.push(this.end());
  }
}

function wordEnd(bytes: Buffer): number {
  const end = bytes.findIndex((byte) => IS_WORD[byte] !== 1);
  return end < 0 ? bytes.length : end;
}

/** Is a word one that begins as the header of a token does? */
export function isJwt(word: string): boolean {
  return word.length > SHORTEST && word.split(".").length >= 3;
}

/** Of the beginning of a token, what stands at the end. */
function begunIn(text: Buffer): Buffer {
  for (let size = OUT; size > 0; size--)
    if (text.subarray(-size).equals(BEGINNING.subarray(0, size))) return BEGINNING.subarray(0, size);
  return EMPTY;
}
