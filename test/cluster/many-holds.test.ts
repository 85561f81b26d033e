/** What many that wait do to others: nothing. Hoop runs as shipped, in a process of its own. */
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "chai";
import { parse, stringify } from "yaml";
import type { Approval } from "#core/approval.ts";
import { type Line, lineOf } from "../support/harvest/exchange.ts";
import { type HoopProcess, startProcess } from "../support/hoop-process.ts";
import { compileCache } from "../support/image.ts";
import { until } from "../support/installation.ts";
import { memoryOf } from "../support/memory.ts";
import { asUserOf, type Call, type Caller } from "../support/raw.ts";
import { reviewClient, untilDecided } from "../support/review-client.ts";
import { podCreate } from "../support/reviews.ts";
import { begin, profiled } from "../support/session.ts";
import { type Blocked, startTestbed, type Testbed } from "../support/testbed.ts";

const RAW = 190;
const KUBECTL = 10;
const STRAIGHT = 1000;
/** So many watches, and in so many sessions. */
const WATCHES = 300;
const SESSIONS = 4;
/** MiB, while a thousand wait. */
const GIVEN = 250;

const ROLES = "/apis/rbac.authorization.k8s.io/v1/clusterroles";

/** As client-go: sent again when told to, ten times. */
async function insist(caller: Caller, call: Call): Promise<number> {
  for (let attempt = 0; ; attempt++) {
    const { code, text } = await caller(call);
    if (code !== 429 || attempt === 10) return code;
    const { details } = JSON.parse(text) as { details?: { retryAfterSeconds?: number } };
    await delay((details?.retryAfterSeconds ?? 1) * 1000);
  }
}

/** Sums of the priority-and-fairness metrics, of all levels and flows but the agents'. */
function ofOthers(metrics: string, name: string): number {
  const lines = metrics
    .split("\n")
    .filter((line) => line.startsWith(`${name}{`) && !line.includes('"hoop-agents"'));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
}

describe("many holds", () => {
  let bed: Testbed;
  let environment: Record<string, string>;
  let hoop: HoopProcess | undefined;
  let approver: Caller;
  let admin: Caller;

  before(async () => {
    bed = await startTestbed({ controlPlane: { controllerManager: true } });
    await bed.stopHoop();
    environment = await compileCache(join(bed.certificates, "..", "compile-cache"));
    approver = await asUserOf(bed.kubeconfig("approver"));
    admin = await asUserOf(bed.kubeconfig("human"));
    await bed.must("human", [
      "create",
      "clusterrolebinding",
      "people",
      "--clusterrole=cluster-admin",
      "--group=people",
    ]);
  });
  after(async () => {
    hoop?.child.kill("SIGKILL");
    await hoop?.ended;
    await bed?.stop();
  });

  const start = async (hold: object) => {
    hoop?.child.kill("SIGTERM");
    await hoop?.ended;
    const settings = parse(bed.settingsYaml) as object;
    const settingsYaml = stringify({ ...settings, hold: { ...hold, maxPendingPerAgent: 10_000 } });
    hoop = await startProcess({ ...bed, settingsYaml }, { environment });
  };
  const pending = async (namespace: string) =>
    (await bed.approvals(namespace)).filter(({ status }) => status.phase === "Pending");
  /** What waiting takes is measured: not lists of all that waits, over and over. */
  const counted = async (namespace: string): Promise<number> => {
    const path = `/apis/hoop.dev/v1alpha1/namespaces/${namespace}/approvals?limit=1`;
    const { items, metadata } = JSON.parse((await admin({ path })).text) as {
      items: unknown[];
      metadata: { remainingItemCount?: number };
    };
    return items.length + (metadata.remainingItemCount ?? 0);
  };
  const untilPending = async (namespace: string, count: number): Promise<Approval[]> => {
    while ((await counted(namespace)) < count) await delay(250);
    return pending(namespace);
  };
  const approveAll = async (approvals: readonly Approval[]) => {
    const left = [...approvals];
    const decider = async () => {
      for (let next = left.pop(); next !== undefined; next = left.pop()) {
        const { name, namespace } = next.metadata;
        const { code, text } = await approver({
          method: "PATCH",
          path: `/apis/hoop.dev/v1alpha1/namespaces/${namespace}/approvals/${name}/approval`,
          type: "application/merge-patch+json",
          body: { decision: { verdict: "Approve", comment: "" } },
        });
        expect(code, text).to.equal(200);
      }
    };
    await Promise.all(Array.from({ length: 8 }, decider));
  };
  /** A controller gives each new namespace its ServiceAccount. */
  const isTakenCareOf = async (namespace: string) =>
    (await admin({ path: `/api/v1/namespaces/${namespace}/serviceaccounts/default` })).code === 200;

  it(`${RAW + KUBECTL} through kube-apiserver keep no person and no controller waiting, and all finish when decided`, async () => {
    // As deploy/base/settings.yaml has it: the rest of them is told when to ask again.
    await start({ maxWaiters: 50 });
    const agent = await asUserOf(bed.kubeconfig("agent"));
    const kind = { apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRole", rules: [] };
    let over = 0;
    const raw = Array.from({ length: RAW }, async (_, n) => {
      const code = await insist(agent, {
        method: "POST",
        path: ROLES,
        body: { ...kind, metadata: { name: `raw-${n}` } },
      });
      over += 1;
      return code;
    });
    const commands: Blocked[] = Array.from({ length: KUBECTL }, (_, n) =>
      bed.start("agent", ["create", "clusterrole", `kubectl-${n}`, "--verb=get", "--resource=pods"]),
    );
    const approvals = await untilPending("hoop-system", RAW + KUBECTL);

    const person = await asUserOf(await bed.controlPlane.kubeconfig("ann", ["people"]));
    await bed.must("human", ["create", "namespace", "meanwhile"]);
    let written = 0;
    do {
      const metadata = { generateName: "meanwhile-" };
      const path = "/api/v1/namespaces/meanwhile/configmaps";
      const { code, text } = await person({
        method: "POST",
        path,
        body: { apiVersion: "v1", kind: "ConfigMap", metadata },
      });
      expect(code, text).to.equal(201);
      written += 1;
    } while (!(await isTakenCareOf("meanwhile")));
    const { text: metrics } = await admin({ path: "/metrics" });
    expect([over, commands.some((command) => command.over())]).to.deep.equal([0, false]);
    expect(await pending("hoop-system")).to.have.length(RAW + KUBECTL);
    expect(written).to.be.greaterThan(0);
    expect(metrics).to.match(/^apiserver_flowcontrol_dispatched_requests_total\{flow_schema="hoop-agents",/m);
    expect(ofOthers(metrics, "apiserver_flowcontrol_dispatched_requests_total")).to.be.greaterThan(written);
    expect(ofOthers(metrics, "apiserver_flowcontrol_rejected_requests_total")).to.equal(0);
    expect(ofOthers(metrics, "apiserver_flowcontrol_current_inqueue_requests")).to.equal(0);

    await approveAll(approvals);
    expect(new Set(await Promise.all(raw))).to.deep.equal(new Set([201]));
    for (const { ended } of commands) {
      const { code, output } = await ended;
      expect(code, output).to.equal(0);
    }
  });

  it(`${WATCHES} watches through sessions keep nobody from deciding`, async () => {
    await start({});
    const bot = { kubeconfig: await bed.controlPlane.kubeconfig("bot") };
    const rules = [{ apiGroups: [""], resources: ["configmaps"], verbs: ["list", "watch"] }];
    await bed.apply(profiled("bot", { maxSessions: SESSIONS, requestsPerSecond: 1000 }, rules));
    const lines: Line[] = [];
    for (let n = 0; n < SESSIONS; n++)
      lines.push(await lineOf(bed.kubeconfig((await begin(bed, bot, { profile: "bot" })).who)));
    let begun = 0;
    const watch = { path: "/api/v1/namespaces/demo/configmaps?watch=true" };
    const open = Array.from({ length: WATCHES }, (_, n) =>
      lines[n % SESSIONS]?.send(watch, () => {
        begun += 1;
      }),
    );
    await until("all of them are open", async () => begun === WATCHES);

    const held = bed.start("agent", ["create", "clusterrole", "watched", "--verb=get", "--resource=pods"]);
    const approval = await bed.pending("watched", "CREATE");
    const { name } = approval.metadata;
    expect(await bed.must("approver", ["get", "approvals", "-A"])).to.contain(name);
    expect((await bed.decide(approval, "Approve")).code).to.equal(0);
    const { code, output } = await held.ended;
    expect(code, output).to.equal(0);
    const { text: metrics } = await admin({ path: "/metrics" });
    expect(ofOthers(metrics, "apiserver_flowcontrol_rejected_requests_total")).to.equal(0);

    await bed.must("human", ["delete", "sessions", "--all", "-n", "demo"]);
    const ends = (await Promise.all(open)).map((heard) =>
      heard?.body.toString().trimEnd().split("\n").at(-1),
    );
    for (const end of ends) expect(end).to.contain("ERROR").and.contain("the session has ended");
    for (const line of lines) line.close();
  });

  it(`${STRAIGHT} posted straight to the webhook all wake by their decisions, in bounded memory`, async () => {
    await start({ maxWaiters: STRAIGHT });
    const client = await reviewClient(bed.webhookPort, bed.certificates, 4);
    const held = Array.from({ length: STRAIGHT }, (_, n) => untilDecided(client, podCreate(`straight-${n}`)));
    await approveAll(await untilPending("demo", STRAIGHT));
    const answers = await Promise.all(held);
    expect(answers.filter(({ allowed }) => allowed)).to.have.length(STRAIGHT);
    expect(memoryOf(hoop?.child.pid ?? 0).most)
      .to.be.greaterThan(0)
      .and.lessThan(GIVEN);
    client.close();
  });
});
