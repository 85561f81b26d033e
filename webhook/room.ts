/** How many bytes of reviews may be under way at once. What does not fit waits in its order, and is not read yet. */

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
  #free: number;
  #queue: Queued[] = [];

  constructor(bytes: number) {
    this.#free = bytes;
  }

  /** `undefined`: the client is gone. What is larger than the whole room never comes in. */
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
    for (let [next] = this.#queue; next !== undefined && next.bytes <= this.#free; [next] = this.#queue) {
      this.#queue.shift();
      this.#free -= next.bytes;
      next.enter(this.#place(next.bytes));
    }
  }

  #place(bytes: number): Place {
    let taken = bytes;
    const shrinkTo = (less: number) => {
      this.#free += taken - less;
      taken = less;
      this.#admit();
    };
    return { shrinkTo, giveBack: () => shrinkTo(0) };
  }
}
