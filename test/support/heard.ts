/** What hears of requests' outcomes, over the memory store or another, with a clock of the test's. */
import { randomBytes } from "node:crypto";
import type { JsonObject } from "#core/admission.ts";
import { agentMatcher } from "#core/agents.ts";
import { Feed, feedState } from "#core/audit/feed.ts";
import { Intake } from "#core/audit/intake.ts";
import { ToldWrites } from "#core/audit/told.ts";
import type { AdmissionEntry, Entry } from "#core/ledger/entry.ts";
import { lineOf, lineWithPayload } from "#core/ledger/line.ts";
import { OutcomeFinder } from "#core/outcome/finder.ts";
import type { Found, lookFor } from "#core/outcome/look.ts";
import { OpenWrites } from "#core/outcome/open.ts";
import { micros } from "#core/times.ts";
import type { Store } from "#kit/storage.ts";
import { memoryStore } from "#store/memory.ts";
import { decodedEvents } from "./audit-events.ts";
import { ManualClock } from "./clock.ts";
import { admissionEntry } from "./ledger/made.ts";

export const WAIT = 60_000;

const random = { uuid: () => "", suffix: () => "", bytes: (count: number) => randomBytes(count) };

type Place = NonNullable<ReturnType<typeof lookFor>>;

export class Heard {
  readonly store: Store;
  readonly clock: ManualClock;
  readonly warned: string[] = [];
  /** Where was looked, and what is found there. */
  readonly looked: Place[] = [];
  readonly counted: Record<string, number> = {};
  readonly toldWrites = new ToldWrites();
  found: (place: Place) => Found = () => ({ kind: "absent" });
  intake!: Intake;
  finder!: OutcomeFinder;
  open!: OpenWrites;

  private constructor(store: Store, clock: ManualClock) {
    this.store = store;
    this.clock = clock;
  }

  /** As Hoop starts, over what another one has left. */
  static async begin(store: Store = memoryStore(), clock: ManualClock = new ManualClock()): Promise<Heard> {
    const heard = new Heard(store, clock);
    const feed = new Feed(await feedState(store));
    heard.open = await OpenWrites.begin(store, () => feed.known);
    const note = (_: object, message: string) => void heard.warned.push(message);
    const ports = {
      store,
      clock,
      random,
      feed,
      open: heard.open,
      log: { info: note, warn: note, error: note },
    };
    const groups = { groups: ["hoop:agents"], users: [], serviceAccounts: [], extras: {} };
    heard.intake = new Intake({
      ...ports,
      toldWrites: heard.toldWrites,
      cluster: { namespaceUid: async () => ({ known: false, why: "" }) },
      agents: agentMatcher(groups, "hoop"),
      counted: (fate, events) => {
        heard.counted[fate] = (heard.counted[fate] ?? 0) + events;
      },
    });
    const objectNow = async (place: Place) => {
      heard.looked.push(place);
      return heard.found(place);
    };
    heard.finder = new OutcomeFinder({ ...ports, objectNow }, WAIT);
    await heard.finder.resume();
    return heard;
  }

  take(...items: JsonObject[]): Promise<number> {
    return this.intake.take(decodedEvents(...items));
  }

  /** Lets a write of the agent through; gives its index. */
  async admit(given: Partial<AdmissionEntry> = {}, payload?: JsonObject): Promise<number> {
    const entry = {
      ...admissionEntry(1, this.clock.now()),
      agent: { username: "agent", groups: [] },
      ...given,
    };
    const line = payload === undefined ? lineOf(entry) : lineWithPayload(entry, payload, random);
    const result = await this.store.commit({ lines: [line] });
    return result.outcome === "committed" ? result.index : -1;
  }

  async entries<K extends Entry["kind"]>(kind: K): Promise<Extract<Entry, { kind: K }>[]> {
    const all: Entry[] = [];
    for (;;) {
      const lines = await this.store.lines(all.length, 500);
      all.push(...lines.map(({ line }) => JSON.parse(line) as Entry));
      if (lines.length < 500) break;
    }
    return all.filter((entry): entry is Extract<Entry, { kind: K }> => entry.kind === kind);
  }

  /** As RFC 3339. */
  now(): string {
    return micros(this.clock.now());
  }
}
