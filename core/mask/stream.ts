/** What may be seen of a stream: without known values, and without tokens. */
import { JwtScanner } from "./jwt-scanner.ts";
import { type KnownValues, type StreamOptions, ValueScanner } from "./values.ts";

export class StreamMask {
  readonly #values: ValueScanner;
  readonly #tokens = new JwtScanner();

  constructor(known: KnownValues, options?: StreamOptions) {
    this.#values = new ValueScanner(known, options);
  }

  /** The values from here on: they change while something goes on for long. */
  use(known: KnownValues): void {
    this.#values.use(known);
  }

  /** What may go out by now. */
  push(bytes: Uint8Array): Buffer {
    return this.#tokens.push(this.#values.push(bytes));
  }

  /** What is left at the end. */
  end(): Buffer {
    return Buffer.concat([this.#tokens.push(this.#values.end()), this.#tokens.end()]);
  }
}
