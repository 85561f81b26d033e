/**
 * How many bytes of reviews are worked on at once. What does not fit waits in its order, and is not read yet. More at
 * once would not be done sooner, and what one review leaves behind would be kept in memory by the lives of the others.
 */

export interface Place {
  /** It turned out to need less. */
  shrinkTo(bytes: number): void;
  giveBack(): void;
}

interface Queued {
  bytes: number;
  enter: (place: Place | undefined) => void;
}

export class Room {
  readonly #bytes: number;
  #taken = 0;
  #queue: Queued[] = [];

  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  /** `undefined`: the client is gone. What is larger than the whole room comes in when nobody else is there. */
  async take(bytes: number, gone: AbortSignal): Promise<Place | undefined> {
    if (gone.aborted) return undefined;
    const { promise, resolve } = Promise.withResolvers<Place | undefined>();
    const queued: Queued = { bytes, enter: resolve };
    this.#queue.push(queued);
    this.#admit();
    const leave = () => {
      if (!this.#queue.includes(queued)) return;
      this.#queue = this.#queue.filter((one) => one !== queued);
      resolve(undefined);
      this.#admit();
    };
    gone.addEventListener("abort", leave);
    const place = await promise;
    gone.removeEventListener("abort", leave);
    return place;
  }

  #admit(): void {
    for (let [next] = this.#queue; next !== undefined && this.#fits(next); [next] = this.#queue) {
      this.#queue.shift();
      this.#taken += next.bytes;
      next.enter(this.#place(next.bytes));
    }
  }

  #fits({ bytes }: Queued): boolean {
    return this.#taken === 0 || this.#taken + bytes <= this.#bytes;
  }

  #place(bytes: number): Place {
    let taken = bytes;
    const shrinkTo = (less: number) => {
      this.#taken -= taken - less;
      taken = less;
      this.#admit();
    };
    return { shrinkTo, giveBack: () => shrinkTo(0) };
  }
}
