/** Masks a stream as it comes: known values, and tokens. */
import { JwtScanner } from "./jwt-scanner.ts";
import { type KnownValues, type StreamOptions, ValueScanner } from "./values.ts";

export class StreamMask {
  readonly #values: ValueScanner;
  readonly #tokens = new JwtScanner();

  constructor(known: KnownValues, options?: StreamOptions) {
    this.#values = new ValueScanner(known, options);
  }

  /** Takes other values from here on: Secrets change while a stream lasts. */
  use(known: KnownValues): void {
    this.#values.use(known);
  }

  /** @returns what of the stream may be shown by now. */
  push(bytes: Uint8Array): Buffer {
    return this.#tokens.push(this.#values.push(bytes));
  }

  /** @returns what was held back to the end. */
  end(): Buffer {
    return Buffer.concat([this.#tokens.push(this.#values.end()), this.#tokens.end()]);
  }
}
