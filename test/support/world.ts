/** Reviews, decisions and time in one place, over the memory store, for tests that need no API server. */
import { expect } from "chai";
import type { AdmissionRequest, UserInfo } from "#core/admission.ts";
import type { Answer } from "#core/answer.ts";
import type { Approval } from "#core/approval.ts";
import { type DecideOutcome, decide, type Wish } from "#core/decide.ts";
import { decodeApproval } from "#core/hold/rows.ts";
import type { AdmissionEntry, Entry } from "#core/ledger/entry.ts";
import { type ReviewPorts, review } from "#core/review.ts";
import type { Store } from "#kit/storage.ts";
import { memoryStore } from "#store/memory.ts";
import { ManualClock } from "./clock.ts";
import { reviewPorts } from "./reviews.ts";

export class World {
  readonly clock = new ManualClock();
  readonly store: Store = memoryStore();
  ports!: ReviewPorts;

  static async begin(given: Parameters<typeof reviewPorts>[2] = {}): Promise<World> {
    const world = new World();
    world.ports = await reviewPorts(world.store, world.clock, given);
    return world;
  }

  /** Sends a review that may wait 25 s of the manual clock. */
  send(
    what: AdmissionRequest,
    given: { ports?: ReviewPorts; gone?: AbortSignal } = {},
  ): Promise<Answer | undefined> {
    return review(given.ports ?? this.ports, what, {
      caller: "verified",
      until: this.clock.now() + 25_000,
      gone: given.gone ?? new AbortController().signal,
    });
  }

  /** Sends it, lets its wait run out, and gives the answer. */
  async sendAndWait(what: AdmissionRequest): Promise<Answer> {
    const answer = this.send(what);
    await this.untilSleeping(1);
    this.clock.advance(25_000);
    return sure(await answer);
  }

  async untilSleeping(count: number): Promise<void> {
    while (this.clock.sleeping < count) await new Promise((resolve) => setImmediate(resolve));
  }

  async approvals(): Promise<Approval[]> {
    const { rows } = await this.store.list("approvals/");
    return rows
      .map(({ value }) => decodeApproval(value).approval)
      .sort((a, b) => a.metadata.name.slice(-4).localeCompare(b.metadata.name.slice(-4)));
  }

  async only(): Promise<Approval> {
    const all = await this.approvals();
    expect(all).to.have.length(1);
    return sure(all[0]);
  }

  async decide(who: UserInfo, wish: Wish, name?: string): Promise<DecideOutcome> {
    const approval = sure(
      (await this.approvals()).find(({ metadata }) => name === undefined || metadata.name === name),
    );
    const namespaceUid = approval.metadata.namespace === "demo" ? "ns-1" : "ns-0";
    return decide(this.ports, { namespaceUid, name: approval.metadata.name }, who, wish, false);
  }

  async entries(): Promise<Entry[]> {
    return (await this.store.lines(0)).map(({ line }) => JSON.parse(line) as Entry);
  }

  async admissions(): Promise<AdmissionEntry[]> {
    return (await this.entries()).filter((entry) => entry.schema === "hoop.dev/admission/v3");
  }
}

export function sure<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("there is none");
  return value;
}

export const code = (answer: Answer | undefined) => answer?.refusal?.code ?? (answer?.allowed ? 200 : 0);
