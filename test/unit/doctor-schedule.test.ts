/** Doctor as Hoop itself runs it: counted, and told when something changes. */
import { expect } from "chai";
import type { Severity } from "#core/doctor/finding.ts";
import { type DoctorEvent, keepExamining } from "#core/doctor/keep-examining.ts";
import { metrics } from "#web/metrics.ts";
import { ManualClock } from "../support/clock.ts";
import { AGENTS, type FakeCluster, fakeCluster, granted } from "../support/doctor-cluster.ts";

const OPEN = granted("way", [{ apiGroups: [""], resources: ["nodes/proxy"], verbs: ["get"] }], [AGENTS]);
const MORE = granted(
  "way",
  [{ apiGroups: [""], resources: ["nodes/proxy", "nodes/log"], verbs: ["get"] }],
  [AGENTS],
);
const NOTHING = granted("none", [], []);

class Schedule {
  readonly clock = new ManualClock();
  readonly events: DoctorEvent[] = [];
  readonly counts: (Readonly<Record<Severity, number>> | undefined)[] = [];
  readonly logged: string[] = [];
  readonly ended = new AbortController();
  readonly running: Promise<void>;

  constructor(cluster: FakeCluster, everySeconds = 60) {
    const log = (_: object, message: string) => void this.logged.push(message);
    this.running = keepExamining(
      {
        doctor: cluster.port,
        clock: this.clock,
        log: { info: log, warn: log, error: log },
        everySeconds,
        counted: (findings) => void this.counts.push(findings),
        event: async (event) => void this.events.push(event),
      },
      this.ended.signal,
    );
  }

  /** Until it sleeps. */
  async done(): Promise<void> {
    while (this.clock.sleeping === 0) await new Promise((resolve) => setImmediate(resolve));
  }

  async again(): Promise<void> {
    this.clock.advance(60_000);
    await this.done();
  }

  async stop(): Promise<void> {
    this.ended.abort();
    await this.running;
  }
}

describe("doctor on a schedule", () => {
  let cluster: FakeCluster;
  let schedule: Schedule;

  beforeEach(async () => {
    cluster = fakeCluster(OPEN);
    schedule = new Schedule(cluster);
    await schedule.done();
  });
  afterEach(() => schedule.stop());

  it("counts by severity, and tells what is new in one Event", async () => {
    expect(schedule.counts).to.deep.equal([{ critical: 1, high: 0, medium: 0, low: 0, info: 0 }]);
    expect(schedule.events).to.have.length(1);
    expect(schedule.events[0]).to.include({ type: "Warning", reason: "WaysAroundFound" });
    expect(schedule.events[0]?.message).to.contain("critical node-proxy (group hoop:agents)");
    expect(schedule.logged).to.deep.equal(["doctor: reaches the kubelets' API"]);
  });

  it("tells nothing again that it has told, and only what is new beside it", async () => {
    await schedule.again();
    expect(schedule.events).to.have.length(1);
    cluster.policy = MORE;
    await schedule.again();
    expect(schedule.events).to.have.length(2);
    expect(schedule.events[1]?.message)
      .to.contain("finds 2")
      .and.contain("kubelet-read")
      .and.not.contain("node-proxy");
  });

  it("tells once that all is closed, and anew when it is open again", async () => {
    cluster.policy = NOTHING;
    await schedule.again();
    await schedule.again();
    cluster.policy = OPEN;
    await schedule.again();
    expect(schedule.events.map(({ type, reason }) => [type, reason])).to.deep.equal([
      ["Warning", "WaysAroundFound"],
      ["Normal", "WaysAroundClosed"],
      ["Warning", "WaysAroundFound"],
    ]);
  });

  it("counts nothing while it cannot look, and goes on when it can, without telling twice", async () => {
    cluster.fails = new Error("the API server is gone");
    await schedule.again();
    cluster.fails = undefined;
    await schedule.again();
    expect(schedule.counts.map((counts) => counts?.critical)).to.deep.equal([1, undefined, 1]);
    expect(schedule.events).to.have.length(1);
    expect(schedule.logged).to.contain("doctor could not examine the cluster");
  });

  it("ends when it is told to", async () => {
    await schedule.stop();
    expect(schedule.clock.sleeping).to.equal(0);
  });

  it("never looks where it is switched off", async () => {
    const off = new Schedule(cluster, 0);
    await off.running;
    expect([off.counts, off.events]).to.deep.equal([[], []]);
  });

  it("is a metric by severity, which is absent while it cannot be known", async () => {
    const gauges = {
      pending: async () => 0,
      waiting: () => 0,
      searchBehind: async () => 0,
      ledgerEntries: async () => 0,
      storeUsage: async () => ({ bytes: 4096, free: 0 }),
      certificateExpiry: () => 0,
      apiLoad: () => ({ reading: 0, writing: 0, longRunning: [] }),
      version: "v0",
    };
    const counting = metrics(gauges);
    expect(await counting.text()).to.not.contain("hoop_doctor_findings{");
    counting.doctor({ critical: 2, high: 0 });
    const text = await counting.text();
    expect(text).to.contain('hoop_doctor_findings{severity="critical"} 2\n');
    expect(text).to.contain('hoop_doctor_findings{severity="high"} 0\n');
    counting.doctor(undefined);
    expect(await counting.text()).to.not.contain("hoop_doctor_findings{");
  });
});
