/** What is known of the API server's audit events: whether they come, since when they do not, and what is wrong with them. */
import type { Put, Store } from "#kit/storage.ts";
import type { GapEntry } from "../ledger/entry.ts";
import { lineOf } from "../ledger/line.ts";
import { micros } from "../times.ts";

/** As it is kept; times in milliseconds since the epoch. */
export interface FeedState {
  /** When the first event came. */
  since: number;
  /** When Hoop was last known to listen. */
  beat: number;
  /** When the latest event came. */
  heard: number;
  /** Writes since then have no event. */
  silentSince?: number;
  /** When an event last had more of a Secret or a token than its metadata. */
  tooMuch?: number;
}

const FEED = "audit/feed";

/** Undefined: none has ever come. */
export async function feedState(store: Pick<Store, "get">): Promise<FeedState | undefined> {
  const row = await store.get(FEED);
  return row === undefined ? undefined : (JSON.parse(row.value) as FeedState);
}

export class Feed {
  #state: FeedState | undefined;

  constructor(state: FeedState | undefined) {
    this.#state = state;
  }

  /** Whether events come at all, as far as is known. */
  get known(): boolean {
    return this.#state !== undefined;
  }

  /** Whether they came until they did not. */
  get silent(): boolean {
    return this.#state?.silentSince !== undefined;
  }

  /** Hoop did not listen for a while: what to write down. */
  resumed(now: number): string[] {
    const { beat } = this.#state ?? { beat: now };
    if (now - beat < PATIENCE) return [];
    const message = "Hoop did not run: audit events of this time may be missing";
    return [gap("down", message, now, beat, now)];
  }

  /** Events came in; gives what to write down with them. `latest`: when the newest request began. */
  heard(latest: number, now: number): string[] {
    const before = this.#state ?? { since: now, beat: now, heard: now };
    const { silentSince, ...state } = before;
    const isBack = silentSince !== undefined && latest > silentSince;
    this.#state = { ...(isBack ? state : before), heard: now, beat: now };
    if (!isBack) return [];
    const message = "audit events come again: requests of agents in between may be missing";
    return [gap("audit-events", message, now, silentSince, latest)];
  }

  tooMuch(now: number): void {
    if (this.#state !== undefined) this.#state = { ...this.#state, tooMuch: now };
  }

  /** Writes that were let through at these times have no event; gives what to write down. */
  missed(times: readonly number[], now: number): string[] {
    if (this.#state === undefined || times.length === 0) return [];
    const [first, last] = [Math.min(...times), Math.max(...times)];
    const what = `no audit event has come of ${times.length} ${times.length === 1 ? "write" : "writes"} let through`;
    if (this.#state.heard > last) return [gap("audit-events", what, now, first, last)];
    if (this.#state.silentSince !== undefined) return [];
    this.#state = { ...this.#state, silentSince: first };
    const message = `${what}, nor any other since: requests of agents may be missing`;
    return [gap("audit-events", message, now, first, undefined)];
  }

  /** To be kept, so that the next Hoop knows. */
  puts(now: number): Put[] {
    if (this.#state === undefined) return [];
    this.#state = { ...this.#state, beat: now };
    return [{ key: FEED, value: JSON.stringify(this.#state) }];
  }
}

/** The API server tries again for longer than this, so that a restart loses nothing. */
const PATIENCE = 30_000;

function gap(
  reason: GapEntry["reason"],
  message: string,
  now: number,
  from: number,
  to: number | undefined,
): string {
  return lineOf({
    schema: "hoop.dev/gap/v2",
    kind: "gap",
    time: micros(now),
    reason,
    message,
    from: micros(from),
    ...(to === undefined ? {} : { to: micros(to) }),
  });
}
