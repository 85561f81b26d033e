/**
 * Sees to it that each write that was let through gets an outcome in the ledger. Where no audit event tells it in time, the
 * object is looked at. Where an event should have come and has not, that is recorded as a gap.
 */
import type { Put, Store } from "#kit/storage.ts";
import type { JsonObject } from "../admission.ts";
import type { Feed } from "../audit/feed.ts";
import { parseJson } from "../json.ts";
import type { AdmissionEntry, Entry, OutcomeEntry } from "../ledger/entry.ts";
import { lineOf } from "../ledger/line.ts";
import { unsealPayload } from "../log/payload.ts";
import type { Clock, Log } from "../ports.ts";
import { micros } from "../times.ts";
import { type Found, lookFor, seen } from "./look.ts";
import type { Open, OpenWrites } from "./open.ts";
import { toldBy } from "./told.ts";

export interface FinderPorts {
  store: Store;
  clock: Clock;
  log: Log;
  feed: Feed;
  open: OpenWrites;
  /** How the object at a place is now. Never rejects. */
  objectNow(place: NonNullable<ReturnType<typeof lookFor>>): Promise<Found>;
}

/** Milliseconds after which the object is looked at where no audit events come. */
const WITHOUT_EVENTS = 5_000;
const TICK = 1_000;
const BEAT = 10_000;
/** Milliseconds between two records of gaps. */
const GAPS = 60_000;
/** How many objects are looked at in one step. */
const LOOKS = 50;
const ATTEMPTS = 3;

/** Runs until the signal aborts. @param waitSeconds how long an audit event may take to come. */
export async function keepFindingOutcomes(
  ports: FinderPorts,
  waitSeconds: number,
  signal: AbortSignal,
): Promise<void> {
  const { clock, log } = ports;
  const finder = new OutcomeFinder(ports, waitSeconds * 1000);
  try {
    await finder.resume();
  } catch (error) {
    log.error({ err: error }, "that Hoop did not run could not be written down");
  }
  for (;;) {
    await clock.sleep(TICK, signal);
    try {
      if (signal.aborted) return await finder.keep();
      await finder.step();
    } catch (error) {
      if (signal.aborted) return;
      log.error({ err: error }, "what came of requests could not be told");
    }
  }
}

export class OutcomeFinder {
  readonly #ports: FinderPorts;
  readonly #wait: number;
  #kept = 0;
  #told = Number.NEGATIVE_INFINITY;
  #missed: number[] = [];
  #progress = "";

  /** @param wait milliseconds that an audit event may take. */
  constructor(ports: FinderPorts, wait: number) {
    this.#ports = ports;
    this.#wait = wait;
  }

  /** Records the time in which Hoop did not run as a gap, if it had listened to audit events before. */
  async resume(): Promise<void> {
    const { store, feed, clock } = this.#ports;
    const lines = feed.resumed(clock.now());
    if (lines.length > 0) await store.commit({ puts: feed.puts(clock.now()), lines });
  }

  async step(): Promise<void> {
    const { clock, open, feed } = this.#ports;
    await open.follow();
    const now = clock.now();
    const isHeard = feed.known && !feed.silent;
    const due = open.before(now - (isHeard ? this.#wait : WITHOUT_EVENTS), true);
    const hinted = open.hinted();
    for (const one of new Set([...hinted, ...due].slice(0, LOOKS))) await this.#find(one);
    for (const one of open.before(now - this.#wait, false)) this.#miss(one);
    await this.#tellMissed(now);
    if (now - this.#kept >= BEAT) await this.keep();
  }

  /** Stores how far it has come, for the next start. */
  async keep(): Promise<void> {
    const { store, clock, open, feed } = this.#ports;
    const now = clock.now();
    this.#kept = now;
    const progress = open.progress();
    const puts: Put[] = [...feed.puts(now), ...(progress.value === this.#progress ? [] : [progress])];
    if (puts.length > 0) await store.commit({ puts });
    this.#progress = progress.value;
  }

  /** No event has come, and the object is not looked at: the outcome stays unknown. */
  #miss(one: Open): void {
    this.#missed.push(one.at);
    this.#ports.open.forget(one.index);
  }

  async #tellMissed(now: number): Promise<void> {
    const { store, feed } = this.#ports;
    if (this.#missed.length === 0 || now - this.#told < GAPS) return;
    const lines = feed.missed(this.#missed, now);
    if (lines.length > 0) await store.commit({ puts: feed.puts(now), lines });
    this.#missed = [];
    this.#told = now;
  }

  async #find(one: Open): Promise<void> {
    const { store, clock, open, feed } = this.#ports;
    const entry = await admissionAt(store, one.index);
    const outcome = entry === undefined ? undefined : await this.#outcome(entry, one);
    // Nobody could tell now: it is looked at again later.
    if (outcome === "again") return;
    if (outcome !== undefined) {
      const put = await toldBy(store, outcome, 0);
      // Where that conflicts, an event has told the outcome meanwhile.
      if (put !== undefined) await store.commit({ puts: [put], lines: [lineOf(outcome)] });
      if (one.awaited && feed.known && clock.now() - one.at >= this.#wait) this.#missed.push(one.at);
    }
    open.forget(one.index);
  }

  async #outcome(entry: AdmissionEntry, one: Open): Promise<OutcomeEntry | "again"> {
    const { store, clock } = this.#ports;
    const place = lookFor(entry);
    const found: Found =
      place === undefined
        ? { kind: "unknown", why: "nothing of it is seen afterwards" }
        : await this.#ports.objectNow(place);
    if (found.kind === "unknown" && found.transient && one.attempts < ATTEMPTS) {
      one.attempts += 1;
      return "again";
    }
    const payload = found.kind === "present" && place?.whole ? await payloadAt(store, one.index) : undefined;
    const { result, message, object } = seen(entry, found, payload);
    const { hint } = one;
    return {
      schema: "hoop.dev/outcome/v1",
      kind: "outcome",
      time: micros(clock.now()),
      of: one.index,
      source: place === undefined && hint !== undefined ? "audit" : "object",
      result,
      ...hint,
      ...(message === undefined ? {} : { message: [hint?.message, message].filter(Boolean).join("; ") }),
      ...(object === undefined ? {} : { object }),
    };
  }
}

async function admissionAt(store: Store, index: number): Promise<AdmissionEntry | undefined> {
  const [line] = await store.lines(index, 1);
  const entry = line === undefined ? undefined : (JSON.parse(line.line) as Entry);
  return entry?.kind === "admission" && "effect" in entry ? entry : undefined;
}

async function payloadAt(store: Store, index: number): Promise<JsonObject | undefined> {
  const sealed = await store.payload(index);
  const payload = sealed instanceof Uint8Array ? unsealPayload(sealed) : undefined;
  return payload === undefined ? undefined : (parseJson(payload.toString()) as JsonObject);
}
