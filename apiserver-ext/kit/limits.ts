/** How long a request may take, and how many may run at once. */
import { parseDuration } from "./go-duration.ts";
import type { RequestInfo } from "./request-info.ts";
import { StatusError, tooManyRequests } from "./status.ts";

export interface Limits {
  /** Requests that only read, at once. Watches and connections are not counted. */
  reading: number;
  /** Watches of one user, at once. */
  watches: number;
  /** Requests that write, at once. */
  writing: number;
  /** Milliseconds until a request is answered 504; `?timeout=` shortens it. Watches and connections have no end here. */
  time: number;
  /** The same for requests that write. */
  writeTime: number;
}

/** The numbers of Kubernetes' own servers; these do not count watches. */
export const LIMITS: Limits = { reading: 400, watches: 500, writing: 200, time: 60_000, writeTime: 34_000 };

function isWriting({ verb }: RequestInfo): boolean {
  return verb !== "get" && verb !== "list" && verb !== "watch";
}

/** @throws {StatusError} BadRequest for a `timeout` that is no duration. */
export function timeFor(info: RequestInfo, limits: Limits): number {
  const asked = info.query.get("timeout") ?? "";
  const longest = info.isResource && isWriting(info) ? limits.writeTime : limits.time;
  if (asked === "") return longest;
  const milliseconds = parseDuration(asked);
  if (milliseconds === undefined) {
    const why = `time: invalid duration ${JSON.stringify(asked)}`;
    throw new StatusError("BadRequest", `invalid timeout specified in the request URL - ${why}`);
  }
  return milliseconds > 0 ? Math.min(milliseconds, longest) : longest;
}

/**
 * What the work gives, or Timeout (504) when it takes longer; `over` aborts then. What it still does is in vain.
 * @param over aborted by others too, when nobody waits for the answer any more.
 * @param work gets what rejects when the time is over, and only then.
 */
export async function withDeadline<T>(
  milliseconds: number,
  over: AbortController,
  work: (late: Promise<never>) => Promise<T>,
): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    late.reject(
      new StatusError("Timeout", "Timeout: request did not complete within the allotted timeout", {}),
    );
    over.abort();
  }, milliseconds);
  try {
    return await Promise.race([work(late.promise), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Counts requests under way, and refuses what is too much. */
export class InFlight {
  readonly #limits: Limits;
  #reading = 0;
  #writing = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  get reading(): number {
    return this.#reading;
  }

  get writing(): number {
    return this.#writing;
  }

  /**
   * @param exempt counted, but never refused.
   * @throws {StatusError} TooManyRequests.
   */
  async during<T>(info: RequestInfo, exempt: boolean, work: () => Promise<T>): Promise<T> {
    const writes = isWriting(info);
    const { reading, writing } = this.#limits;
    if (!exempt && (writes ? this.#writing >= writing : this.#reading >= reading)) throw tooManyRequests();
    this.#count(writes, 1);
    try {
      return await work();
    } finally {
      this.#count(writes, -1);
    }
  }

  #count(writes: boolean, by: number): void {
    if (writes) this.#writing += by;
    else this.#reading += by;
  }
}
