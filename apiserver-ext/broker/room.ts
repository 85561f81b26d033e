/** Bytes in memory, of each agent and of all: bodies, answers and events are there as a whole while they are looked through. */
import { StatusError } from "#kit/status.ts";

const MIB = 1024 * 1024;

/** What goes on in the room: bodies of requests, or what is shown of answers. In bytes. */
const ROOMS = {
  sent: {
    ofAgent: 32 * MIB,
    inAll: 96 * MIB,
    advice: "too much is sent through sessions at once; send less, or later",
  },
  read: {
    ofAgent: 64 * MIB,
    inAll: 128 * MIB,
    advice: "too much is read through sessions at once; read less, or later",
  },
} as const;

/** What one request has of it. */
export interface Share {
  /** @throws {StatusError} TooManyRequests: there is no room for so many more bytes now. */
  take(bytes: number): void;
  give(bytes: number): void;
  /** Gives all of it back, for good. */
  leave(): void;
}

export class Room {
  readonly #size: (typeof ROOMS)[keyof typeof ROOMS];
  readonly #byAgent = new Map<string, number>();
  #inAll = 0;

  constructor(use: keyof typeof ROOMS) {
    this.#size = ROOMS[use];
  }

  /** @param agent whose request it is. */
  share(agent: string): Share {
    let taken = 0;
    let isOver = false;
    const add = (bytes: number) => {
      taken += bytes;
      this.#inAll += bytes;
      const own = (this.#byAgent.get(agent) ?? 0) + bytes;
      if (own > 0) this.#byAgent.set(agent, own);
      else this.#byAgent.delete(agent);
    };
    return {
      take: (bytes) => {
        if (isOver || !this.#hasRoom(agent, bytes))
          throw new StatusError("TooManyRequests", this.#size.advice, { retryAfterSeconds: 1 });
        add(bytes);
      },
      give: (bytes) => add(-Math.min(bytes, taken)),
      leave: () => {
        isOver = true;
        add(-taken);
      },
    };
  }

  #hasRoom(agent: string, bytes: number): boolean {
    const { ofAgent, inAll } = this.#size;
    return (this.#byAgent.get(agent) ?? 0) + bytes <= ofAgent && this.#inAll + bytes <= inAll;
  }
}
