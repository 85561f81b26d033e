/**
 * Audit events into the ledger: what came of writes, and the requests that no admission entry tells of. Durable when it
 * resolves; what comes again is not written again. One list after the other, and other work in between.
 */
import type { Append, Put, Store } from "#kit/storage.ts";
import type { AgentMatcher } from "../agents.ts";
import type { Entry, OutcomeEntry } from "../ledger/entry.ts";
import { lineOf, lineWithPayload } from "../ledger/line.ts";
import { type Hint, type OpenWrites, seenKey } from "../outcome/open.ts";
import { toldBy } from "../outcome/told.ts";
import type { Clock, Cluster, Log, Random } from "../ports.ts";
import { saidSession } from "../session/inside.ts";
import { agentOf, isOpenOf, type Numbered, outcomesOf, requestEntry } from "./entries.ts";
import type { AuditEvent, EventList } from "./event.ts";
import type { Feed } from "./feed.ts";
import { givesTooMuch } from "./mask.ts";
import type { ToldWrites } from "./told.ts";

/**
 * What came of an event: `recorded`, or nothing of it since it is `not-agents`, came before (`repeated`) or is none of
 * audit.k8s.io/v1 (`unread`); `failed`: it could not be kept, and the API server sends it again.
 */
export type AuditFate = "recorded" | "not-agents" | "repeated" | "unread" | "failed";

export interface IntakePorts {
  store: Store;
  clock: Clock;
  random: Random;
  log: Log;
  agents: AgentMatcher;
  cluster: Pick<Cluster, "namespaceUid">;
  feed: Feed;
  open: OpenWrites;
  toldWrites: ToldWrites;
  counted(fate: AuditFate, events: number): void;
}

/** What one event leaves. */
interface Said {
  outcomes: OutcomeEntry[];
  requests: { event: AuditEvent; line: Append }[];
}

/** Written with every commit of requests: of two that heard the same event, the later one sees that there was another. */
const TAKEN = "audit/taken";
/** Lines of one commit: admissions that come meanwhile wait no longer than that takes. */
const LINES = 64;
/** Milliseconds of work after which others have their turn. */
const TURN = 5;

export class Intake {
  readonly #ports: IntakePorts;
  #last: Promise<unknown> = Promise.resolve();
  #warned = false;

  constructor(ports: IntakePorts) {
    this.#ports = ports;
  }

  /** Gives how many entries were written. Rejects when the store is lost: then the API server sends it again. */
  take(list: EventList): Promise<number> {
    const taken = this.#last.then(() => this.#take(list));
    this.#last = taken.catch(() => this.#ports.counted("failed", list.events.length + list.unread));
    return taken;
  }

  async #take({ events, unread }: EventList): Promise<number> {
    const { open, log, counted } = this.#ports;
    if (unread > 0) log.warn({ unread }, "audit events that are none of audit.k8s.io/v1 were left out");
    const batch = new Batch(this.#ports);
    await batch.follow();
    const agents = events.flatMap((event) => {
      const agent = agentOf(this.#ports.agents, event);
      return agent === undefined ? [] : [{ event, agent }];
    });
    const mine = agents.filter(({ event }) => !open.hasSeen(event));
    await batch.gaps(events);
    this.#lookAtPolicy(events);
    let until = performance.now() + TURN;
    const names = new Set<string>();
    for (const { event, agent } of mine) {
      const name = seenKey(event);
      if (names.has(name)) continue;
      names.add(name);
      if (this.#ports.toldWrites.take(event)) continue;
      await batch.add(await this.#said(event, agent));
      if (performance.now() < until) continue;
      await new Promise((resolve) => setImmediate(resolve));
      until = performance.now() + TURN;
    }
    const written = await batch.commit();
    const recorded = names.size - batch.repeated;
    counted("recorded", recorded);
    counted("repeated", agents.length - recorded);
    counted("not-agents", events.length - agents.length);
    counted("unread", unread);
    return written;
  }

  /** Told once in the log, and kept for doctor. */
  #lookAtPolicy(events: readonly AuditEvent[]): void {
    const found = events.find(givesTooMuch);
    if (found === undefined) return;
    this.#ports.feed.tooMuch(this.#ports.clock.now());
    if (!this.#warned)
      this.#ports.log.warn(
        { resource: found.target?.resource },
        "the audit policy logs bodies of Secrets or tokens: deploy/apiserver/audit-policy.yaml says Metadata for them",
      );
    this.#warned = true;
  }

  async #said(event: AuditEvent, agent: NonNullable<ReturnType<typeof agentOf>>): Promise<Said> {
    const { store, clock, random, open } = this.#ports;
    const named = await admissionsOf(store, event);
    const [first] = named;
    const who = { user: agent, session: await saidSession(this.#ports, agent) };
    const request = () => {
      const { entry, payload } = requestEntry(event, who, clock.now(), first?.index);
      const isBare = Object.keys(payload).length === 0;
      return { event, line: isBare ? lineOf(entry) : lineWithPayload(entry, payload, random) };
    };
    if (event.records.length === 0) return { outcomes: [], requests: [request()] };
    const outcomes = outcomesOf(event, named, clock.now());
    const decided = outcomes.filter(({ result }) => result !== "cannot-tell");
    for (const outcome of outcomes)
      if (outcome.result === "cannot-tell") open.hurry(outcome.of, clock.now(), hintOf(outcome));
    // When a connection has ended is known only from here.
    const isConnection = first?.entry.operation === "CONNECT" && event.stage !== "ResponseStarted";
    return { outcomes: decided, requests: isConnection ? [request()] : [] };
  }
}

/** What the event tells of it all the same. */
function hintOf(outcome: OutcomeEntry): Hint {
  const { auditID, code, reason, message } = outcome;
  const told = Object.entries({ auditID, code, reason, message });
  return Object.fromEntries(told.filter(([, value]) => value !== undefined));
}

/** The admission entries that an event names, and that it may be of. */
async function admissionsOf(store: Store, event: AuditEvent): Promise<Numbered[]> {
  const found: Numbered[] = [];
  for (const index of event.records) {
    const [line] = await store.lines(index, 1);
    const entry = line?.index === index ? (JSON.parse(line.line) as Entry) : undefined;
    if (entry !== undefined && isOpenOf(event, entry)) found.push({ index, entry });
  }
  return found;
}

/** Lines that go into one commit together, as many as may. */
class Batch {
  readonly #ports: IntakePorts;
  #outcomes = new Map<number, OutcomeEntry>();
  #gaps: Append[] = [];
  #requests: Said["requests"] = [];
  #written = 0;
  /** The revision that TAKEN had before the ledger was followed; 0: nobody has written it. */
  #taken = 0;
  /** Whether somebody else writes requests meanwhile: what is still to come, too, may be written already. */
  #isLate = false;
  /** Requests that somebody else has written. */
  repeated = 0;

  constructor(ports: IntakePorts) {
    this.#ports = ports;
  }

  /** Takes in which events are written down already. */
  async follow(): Promise<void> {
    const { store, open } = this.#ports;
    this.#taken = (await store.get(TAKEN))?.revision ?? 0;
    await open.follow();
  }

  /** What is to be said of the events' coming, first of all: that they come is known from the first on. */
  async gaps(events: readonly AuditEvent[]): Promise<void> {
    const { feed, clock } = this.#ports;
    const latest = Math.max(0, ...events.map(({ received }) => Date.parse(received) || 0));
    const isNew = !feed.known;
    this.#gaps.push(...feed.heard(latest, clock.now()));
    if (isNew) await this.#ports.store.commit({ puts: feed.puts(clock.now()) });
  }

  async add({ outcomes, requests }: Said): Promise<void> {
    for (const outcome of outcomes) this.#outcomes.set(outcome.of, outcome);
    this.#requests.push(...requests);
    if (this.#isLate) this.#leaveOutRepeated();
    if (this.#outcomes.size + this.#requests.length + this.#gaps.length >= LINES) await this.#flush();
  }

  async commit(): Promise<number> {
    await this.#flush();
    return this.#written;
  }

  async #flush(): Promise<void> {
    const { store } = this.#ports;
    for (;;) {
      const { puts, lines } = await this.#wanted();
      if (lines.length === 0) break;
      const result = await store.commit({ puts, lines });
      if (result.outcome === "committed") {
        this.#written += lines.length;
        if (this.#requests.length > 0) this.#taken = result.revision;
        break;
      }
      // Else somebody has told an outcome meanwhile, by the object.
      if (result.key !== TAKEN) continue;
      this.#isLate = true;
      await this.follow();
      this.#leaveOutRepeated();
    }
    this.#outcomes = new Map();
    this.#gaps = [];
    this.#requests = [];
  }

  async #wanted(): Promise<{ puts: Put[]; lines: Append[] }> {
    const lines = [...this.#gaps, ...this.#requests.map(({ line }) => line)];
    const puts: Put[] = this.#requests.length === 0 ? [] : [{ key: TAKEN, value: "{}", expect: this.#taken }];
    for (const outcome of this.#outcomes.values()) {
      const put = await toldBy(this.#ports.store, outcome, lines.length);
      if (put === undefined) continue;
      puts.push(put);
      lines.push(lineOf(outcome));
    }
    return { puts, lines };
  }

  #leaveOutRepeated(): void {
    const left = this.#requests.filter(({ event }) => !this.#ports.open.hasSeen(event));
    this.repeated += this.#requests.length - left.length;
    this.#requests = left;
  }
}
