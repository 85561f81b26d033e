/**
 * The hold under any interleaving: two servers on one store, several credentials, clients that hang up, calls that
 * run out of time, decisions, sweeps, restarts. Judged afterwards by the ledger and the answers alone.
 */
import { expect } from "chai";
import fc from "fast-check";
import type { AdmissionRequest } from "#core/admission.ts";
import { credentialOf } from "#core/admission.ts";
import type { Answer } from "#core/answer.ts";
import { decide } from "#core/decide.ts";
import { expireOpen } from "#core/hold/expire.ts";
import { decodeApproval, type StoredApproval } from "#core/hold/rows.ts";
import { Streaks } from "#core/hold/streaks.ts";
import { Waiters } from "#core/hold/waiters.ts";
import { asked } from "#core/ledger/asked.ts";
import type { AdmissionEntry, ApprovalEntry, Entry } from "#core/ledger/entry.ts";
import { type ReviewPorts, review } from "#core/review.ts";
import type { Store } from "#kit/storage.ts";
import { memoryStore } from "#store/memory.ts";
import { ManualClock } from "../support/clock.ts";
import { agentUser, podCreate, podDelete, request, reviewPorts, user } from "../support/reviews.ts";

const SECOND = 1_000;
/** Few, so that they run out. */
const SEATS = 3;
const REENTRY = 10 * SECOND;
const TERMS = {
  approvers: [{ groups: [], count: 1 }],
  maxWaitSeconds: 20,
  pendingSeconds: 60,
  approvedSeconds: 15,
};

/** What the agent asks for. Those that are not idempotent need one approval each time. */
const ASKS: Readonly<Record<string, { make: () => AdmissionRequest; once?: true }>> = {
  "delete web": { make: () => podDelete("web", "uid-1") },
  "delete the web that came after it": { make: () => podDelete("web", "uid-2") },
  "create app": { make: () => podCreate("app") },
  "create another app": { make: () => podCreate("app", { hostNetwork: true }) },
  "create app-*": {
    make: () => ({ ...podCreate("app-x7k2p", {}, { generateName: "app-" }), name: "" }),
    once: true,
  },
  "exec into web": {
    make: () =>
      request({
        kind: { group: "", version: "v1", kind: "PodExecOptions" },
        resource: { group: "", version: "v1", resource: "pods" },
        subresource: "exec",
        operation: "CONNECT",
        name: "web",
        namespace: "demo",
        object: { apiVersion: "v1", kind: "PodExecOptions", command: ["id"], container: "main" },
        options: null,
      }),
    once: true,
  },
  "delete a Namespace": { make: () => request() },
};

type Step =
  | { kind: "ask"; what: string; credential: string; server: number; patience: number; leaves: boolean }
  | { kind: "dry run"; what: string }
  | { kind: "hang up"; which: number }
  | { kind: "decide"; which: number; verdict: "Approve" | "Deny" }
  | { kind: "pass time"; milliseconds: number }
  | { kind: "sweep" }
  | { kind: "restart"; server: number };

const what = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom("delete web", "exec into web") },
  { weight: 1, arbitrary: fc.constantFrom(...Object.keys(ASKS)) },
);
const which = fc.nat(1_000);
const server = fc.constantFrom(0, 1);
const steps = fc.array(
  fc.tuple(
    fc.oneof(
      {
        weight: 8,
        arbitrary: fc.record({
          kind: fc.constant("ask" as const),
          what,
          server,
          credential: fc.constantFrom("cert-1", "cert-1", "cert-2", ""),
          patience: fc.constantFrom(0, 1, SECOND, 5 * SECOND, 25 * SECOND),
          leaves: fc.constantFrom(false, false, false, false, false, true),
        }),
      },
      {
        weight: 6,
        arbitrary: fc.record({
          kind: fc.constant("decide" as const),
          which,
          verdict: fc.constantFrom(
            "Approve" as const,
            "Approve" as const,
            "Approve" as const,
            "Deny" as const,
          ),
        }),
      },
      {
        weight: 4,
        arbitrary: fc.record({
          kind: fc.constant("pass time" as const),
          milliseconds: fc.constantFrom(1, SECOND, 5 * SECOND, 11 * SECOND, 61 * SECOND),
        }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("dry run" as const), what }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("hang up" as const), which }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("sweep" as const) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("restart" as const), server }) },
    ),
    // How far everything gets before the next step: from not at all to as far as it can.
    fc.constantFrom(0, 1, 2, 5, 20, 100),
  ),
  { minLength: 5, maxLength: 60, size: "max" },
);

interface Sent {
  what: string;
  credential: string;
  dryRun: boolean;
  until: number;
  client: AbortController;
  answer: Promise<Answer | undefined>;
  over: boolean;
  /** Nobody was there any more when it was looked at. */
  left: boolean;
}

/** Requests that never come to rest would write without end. */
function finite(store: Store): Store {
  let commits = 0;
  const commit: Store["commit"] = async (batch) => {
    commits += 1;
    if (commits > 5_000) throw new Error("requests end each other's approvals without end");
    return store.commit(batch);
  };
  return new Proxy(store, {
    get: (target, name) => {
      if (name === "commit") return commit;
      const member: unknown = Reflect.get(target, name);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}

class World {
  readonly clock = new ManualClock();
  readonly store = finite(memoryStore());
  readonly sent: Sent[] = [];
  readonly #servers: ReviewPorts[] = [];

  static async begin(): Promise<World> {
    const world = new World();
    for (const _ of [0, 1])
      world.#servers.push(await reviewPorts(world.store, world.clock, { terms: TERMS }));
    // Each server numbers the names it gives by itself here: they must not be the same.
    const [, second] = world.#servers;
    let counter = 0;
    if (second !== undefined)
      world.#servers[1] = { ...second, random: { ...second.random, suffix: () => `x${counter++}` } };
    return world;
  }

  async take(step: Step): Promise<void> {
    switch (step.kind) {
      case "ask":
        this.#send(step.what, step.credential, step.server, step.patience, false);
        return step.leaves ? this.#leave() : undefined;
      case "dry run":
        return this.#dryRun(step.what);
      case "hang up":
        return pick(this.sent, step.which)?.client.abort();
      case "decide":
        return this.#decide(step.which, step.verdict);
      case "pass time":
        // A turn takes no time: what could be done by now is done.
        await rest();
        return this.clock.advance(step.milliseconds);
      case "sweep":
        return expireOpen({ store: this.store, clock: this.clock });
      case "restart":
        return this.#restart(step.server);
    }
  }

  #server(index: number): ReviewPorts {
    const found = this.#servers[index];
    if (found === undefined) throw new Error(`no server ${index}`);
    return found;
  }

  #send(named: string, credential: string, server: number, patience: number, dryRun: boolean): void {
    const asked = ASKS[named];
    if (asked === undefined) throw new Error(`nobody asks to ${named}`);
    const client = new AbortController();
    const until = this.clock.now() + patience;
    const sent: Sent = {
      what: named,
      credential,
      dryRun,
      until,
      client,
      over: false,
      left: false,
      answer: review(
        this.#server(server),
        { ...asked.make(), userInfo: agentUser(credential), dryRun },
        { caller: "verified", until, gone: client.signal },
      ).finally(() => {
        sent.over = true;
      }),
    };
    this.sent.push(sent);
  }

  /** Who asked last has hung up before anything came of it. */
  #leave(): void {
    const sent = this.sent.at(-1);
    sent?.client.abort();
    if (sent !== undefined) sent.left = true;
  }

  /** Everything at rest, a dry run, and everything but the ledger as before. */
  async #dryRun(named: string): Promise<void> {
    await rest();
    const rows = async () => (await this.store.list("")).rows;
    const before = await rows();
    this.#send(named, "cert-1", 0, 25 * SECOND, true);
    await rest();
    expect(await rows()).to.deep.equal(before);
  }

  async #decide(index: number, verdict: "Approve" | "Deny"): Promise<void> {
    const { rows } = await this.store.list("approvals/");
    const stored = rows.map(({ value }) => decodeApproval(value));
    const pending = stored.filter(({ approval }) => approval.status.phase === "Pending");
    // Now and then one that is over: then nothing may come of it.
    const found = index % 7 === 0 ? pick(stored, index) : pick(pending, index);
    if (found === undefined) return;
    const { approval, namespaceUid } = found;
    await decide(
      this.#server(0),
      { namespaceUid, name: approval.metadata.name },
      user("bob"),
      { verdict },
      false,
    );
  }

  /** The old server sends away who waits, as when it stops; the new one knows only the store. */
  async #restart(index: number): Promise<void> {
    const old = this.#server(index);
    old.waiters.stop();
    const waiters = new Waiters(this.store, old.log, SEATS);
    await waiters.start();
    this.#servers[index] = { ...old, waiters, streaks: new Streaks() };
  }

  /** Lets time pass until everybody is answered. */
  async end(): Promise<void> {
    for (let round = 0; this.sent.some(({ over }) => !over); round++) {
      if (round > 100) throw new Error("somebody is never answered");
      await rest();
      this.clock.advance(SECOND);
    }
  }
}

function pick<T>(from: readonly T[], index: number): T | undefined {
  return from.length === 0 ? undefined : from[index % from.length];
}

/** Everything that is waiting for nothing but its turn takes so many steps. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await Promise.resolve();
}

/** Everything is done that waits for no time and no decision. */
function rest(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

const isAdmission = (entry: Entry): entry is AdmissionEntry => entry.kind === "admission";
const isStep = (entry: Entry): entry is ApprovalEntry => entry.kind === "approval";
const passes = ({ approval }: AdmissionEntry) => approval?.use === "spent" || approval?.use === "re-entered";
const named = ({ namespace, name }: { namespace: string; name: string }) => `${namespace}/${name}`;

async function judged(world: World): Promise<void> {
  const entries = (await world.store.lines(0, 10_000)).map(({ line }) => JSON.parse(line) as Entry);
  const approvals = (await world.store.list("approvals/")).rows.map(({ value }) => decodeApproval(value));
  await everyAnswerHasItsRecord(world, entries);
  for (const stored of approvals) oneLife(stored, entries);
  for (const sent of world.sent) {
    const answer = await sent.answer;
    if (answer?.allowed !== true) continue;
    const entry = entries[answer.record ?? -1];
    if (entry === undefined || !isAdmission(entry)) throw new Error("an allow without a record");
    allowedRightly(sent, entry, approvals);
  }
}

/** One of its own; but who waits for the same shares one. */
async function everyAnswerHasItsRecord({ sent }: World, entries: readonly Entry[]): Promise<void> {
  const records = new Map<number, string>();
  for (const { what: asked, answer, client, credential } of sent) {
    const given = await answer;
    if (given === undefined) {
      expect(client.signal.aborted, "only who hung up is not answered").to.equal(true);
      continue;
    }
    const entry = entries[given.record ?? -1];
    if (entry === undefined || !isAdmission(entry)) throw new Error(`${asked} was answered without a record`);
    expect(entry.answer === "allowed").to.equal(given.allowed);
    const shared = records.get(given.record ?? -1);
    if (shared !== undefined) {
      expect(entry.answer).to.equal("held");
      expect(`${asked} by ${credential}`).to.equal(shared);
    }
    records.set(given.record ?? -1, `${asked} by ${credential}`);
  }
  expect(entries.filter(isAdmission)).to.have.length(records.size);
}

/** What one approval has gone through, in the ledger's order. */
function oneLife({ approval }: StoredApproval, entries: readonly Entry[]): void {
  const own = entries.filter((entry) => {
    const about = asked(entry)?.approval;
    return about !== undefined && named(about) === named(approval.metadata);
  });
  const events = own.filter(isStep).map(({ event }) => event);
  expect(events.filter((event) => event === "created")).to.have.length(1);
  expect(events.length, `ends once: ${events.join()}`).to.be.at.most(3);
  expect(new Set(events).size).to.equal(events.length);
  const uses = own.filter(isAdmission).filter(passes);
  const spent = uses.filter(({ approval: use }) => use?.use === "spent");
  expect(spent.length).to.be.at.most(1);
  expect(spent.length === 1).to.equal(approval.status.phase === "Used");
  if (uses.length === 0) return;
  expect(new Set(uses.map(({ agent }) => agent.credentialID)).size, "credentials").to.equal(1);
  expect(uses[0]?.approval?.use, "the first use").to.equal("spent");
  expect(events, "what is used was approved, and did not end before").to.deep.equal(["created", "decided"]);
  const decision = own.filter(isStep).find(({ event }) => event === "decided");
  expect(decision?.decision?.verdict).to.equal("Approve");
  expect(own.indexOf(decision ?? (own[0] as Entry))).to.be.below(own.indexOf(uses[0] as Entry));
  const used = Date.parse(approval.status.used?.time ?? "");
  expect(used).to.be.below(Date.parse(approval.status.expiresAt));
  for (const { time } of uses) expect(Date.parse(time) - used).to.be.within(0, REENTRY);
}

function allowedRightly(sent: Sent, entry: AdmissionEntry, approvals: readonly StoredApproval[]): void {
  expect(entry.verdict).to.equal("hold");
  expect(entry.agent.credentialID ?? "").to.equal(
    sent.credential === "" ? "" : credentialOf(agentUser(sent.credential)),
  );
  if (sent.dryRun) {
    expect(entry).to.include({ dryRun: true }).and.not.have.property("approval");
    return;
  }
  const { approval: use } = entry;
  if (use === undefined || !passes(entry)) throw new Error(`${sent.what} passed without an approval`);
  const stored = approvals.find(({ approval }) => named(approval.metadata) === named(use));
  expect(stored?.approval.spec.digest).to.equal(entry.digest);
  if (use.use === "re-entered") {
    expect(ASKS[sent.what]?.once, `${sent.what} passed twice`).to.equal(undefined);
    expect(sent.credential, "nobody knows whether it is the same client").not.to.equal("");
    return;
  }
  expect(sent.left, "spent for nobody").to.equal(false);
  expect(Date.parse(stored?.approval.status.used?.time ?? ""), "spent in time").to.be.below(sent.until);
}

describe("the hold", () => {
  it("spends each approval at most once, by one credential, in time, and records every answer", async () => {
    let [spent, reentered, denied] = [0, 0, 0];
    await fc.assert(
      fc.asyncProperty(steps, async (taken) => {
        const world = await World.begin();
        for (const [step, progress] of taken) {
          await world.take(step);
          await turns(progress);
        }
        await world.end();
        await judged(world);
        const text = (await world.store.lines(0, 10_000)).map(({ line }) => line).join("\n");
        spent += text.split('"use":"spent"').length - 1;
        reentered += text.split('"use":"re-entered"').length - 1;
        denied += text.split('"use":"refused"').length - 1;
      }),
      { numRuns: 600 },
    );
    expect(
      [spent, reentered, denied].every((count) => count > 20),
      `${spent} ${reentered} ${denied}`,
    ).to.equal(true);
  });

  it("wakes who waits for a row at its change, however closely it follows another", async () => {
    const log = { info: () => {}, warn: () => {}, error: () => {} };
    for (let gap = 0; gap < 40; gap++) {
      const store = memoryStore();
      const waiters = new Waiters(store, log, SEATS);
      await waiters.start();
      const { woken } = waiters.join("approvals/ns-1/awaited");
      const put = (name: string) => store.commit({ puts: [{ key: `approvals/ns-1/${name}`, value: "" }] });
      // Begun first, so that it comes just before what the other commit sets going.
      const change = turns(gap).then(() => put("awaited"));
      await put("other");
      await change;
      await rest();
      expect(woken.aborted, `${gap} turns later`).to.equal(true);
    }
  });
});
