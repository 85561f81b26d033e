/** What an agent's request leaves behind: the cluster's audit log, Events, and its name on what it makes. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "chai";
import type { Approval } from "#core/approval.ts";
import { until } from "../support/control-plane.ts";
import {
  binding,
  cronJob,
  deployment,
  HARMLESS,
  job,
  type Manifest,
  namespaced,
  PRIVILEGED,
  pod,
  selected,
  template,
} from "../support/objects.ts";
import { LENIENT } from "../support/stamp-cases.ts";
import { startTestbed, type Testbed, type Who } from "../support/testbed.ts";

const CREATE = ["create", "-f", "-"];
const STAMPED = { "hoop.dev/agent": "agent" };

describe("what a request of an agent leaves behind", () => {
  let bed: Testbed;
  before(async () => {
    bed = await startTestbed();
    await bed.apply([namespaced("v1", "ServiceAccount", "default"), LENIENT]);
    await bed.must("human", ["wait", "agentpolicy/lenient", "--for=condition=Ready", "--timeout=120s"]);
    const probe = ["create", "configmap", "probe", "-n", "demo", "--dry-run=server", "-o", "yaml"];
    // The API server takes up a policy a moment after it was written.
    await until("an agent's objects are stamped", async () =>
      (await bed.kubectl("agent", probe)).stdout.includes("hoop.dev/agent"),
    );
  });
  after(() => bed?.stop());

  describe("in the cluster's audit log", () => {
    interface AuditEvent {
      verb: string;
      user: { username: string };
      objectRef?: { resource: string; name?: string };
      responseStatus?: { code: number };
      annotations?: Record<string, string>;
    }
    const PREFIX = "agents-are-refused-while-hoop-is-unreachable.hoop.dev/";

    async function audited(verb: string, name: string) {
      const log = await readFile(join(bed.controlPlane.directory, "logs", "audit.log"), "utf8");
      // Without the line that is being written.
      const event = log
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line) as AuditEvent)
        .find(({ verb: of, objectRef }) => of === verb && objectRef?.name === name);
      return {
        user: event?.user.username,
        code: event?.responseStatus?.code,
        approval: event?.annotations?.[`${PREFIX}approval`],
        record: event?.annotations?.[`${PREFIX}record`],
      };
    }

    async function record(index: string | undefined): Promise<Record<string, unknown>> {
      const raw = await bed.must("human", ["get", "records", "-A", "-o", "json"]);
      const { items } = JSON.parse(raw) as {
        items: { metadata: { name: string }; spec: Record<string, unknown> }[];
      };
      return items.find(({ metadata }) => metadata.name === index)?.spec ?? {};
    }

    const reference = ({ metadata }: Approval) => `${metadata.namespace}/${metadata.name}`;

    it("an approved request carries its approval and its record", async () => {
      const blocked = bed.start("agent", CREATE, binding("RoleBinding", "audited", ["alice"]));
      const approval = await bed.pending("audited");
      await bed.decide(approval, "Approve");
      await blocked.ended;
      const found = await audited("create", "audited");
      expect(found).to.deep.include({ user: "agent", code: 201, approval: reference(approval) });
      expect(await record(found.record)).to.deep.include({
        kind: "admission",
        operation: "CREATE",
        answer: "allowed",
        digest: approval.spec.digest,
      });
    });

    it("a denied request carries them, too", async () => {
      await bed.must("human", ["create", "namespace", "kept"]);
      const blocked = bed.start("agent", ["delete", "namespace", "kept"]);
      const approval = await bed.pending("kept");
      await bed.decide(approval, "Deny", "no");
      await blocked.ended;
      const found = await audited("delete", "kept");
      expect(found).to.deep.include({ user: "agent", code: 403, approval: reference(approval) });
      expect(await record(found.record)).to.deep.include({ operation: "DELETE", answer: "denied" });
    });

    it("a request that nothing holds carries its record, and no approval", async () => {
      await bed.must("agent", ["create", "configmap", "free", "-n", "demo"]);
      const found = await audited("create", "free");
      expect(found).to.deep.include({ user: "agent", code: 201, approval: undefined });
      expect(await record(found.record)).to.deep.include({ answer: "allowed", verdict: "allow" });
    });
  });

  describe("in the ledger, where no audit events come", () => {
    async function outcome(name: string, operation: string): Promise<Record<string, unknown> | undefined> {
      const raw = await bed.must("human", ["get", "records", "-A", "-o", "json"]);
      const { items } = JSON.parse(raw) as {
        items: {
          metadata: { name: string };
          spec: Record<string, unknown> & { target?: { name?: string } };
        }[];
      };
      const admission = items.findLast(
        ({ spec }) =>
          spec["operation"] === operation && spec.target?.name === name && spec["effect"] === "open",
      );
      return items.find(
        ({ spec }) => spec["kind"] === "outcome" && String(spec["of"]) === admission?.metadata.name,
      )?.spec;
    }

    it("what came of an approved request is made out by looking at the object", async () => {
      await bed.apply([pod("looked-at"), binding("RoleBinding", "grown", ["alice"])]);
      const asked = [
        bed.start("agent", CREATE, binding("RoleBinding", "looked-for", ["alice"])),
        bed.start("agent", ["delete", "pod", "looked-at", "-n", "demo", "--wait=false"]),
        bed.start(
          "agent",
          ["apply", "--server-side", "--force-conflicts", "-f", "-"],
          binding("RoleBinding", "grown", ["alice", "bob"]),
        ),
      ];
      for (const name of ["looked-for", "looked-at", "grown"])
        await bed.decide(await bed.pending(name), "Approve");
      for (const one of asked) expect((await one.ended).code).to.equal(0);
      const told: Record<string, string> = { "looked-for": "CREATE", "looked-at": "DELETE", grown: "UPDATE" };
      for (const [name, operation] of Object.entries(told)) {
        await until(
          `it is told what came of ${name}`,
          async () => (await outcome(name, operation)) !== undefined,
        );
        expect(await outcome(name, operation), name).to.deep.include({
          source: "object",
          result: "took-effect",
        });
      }
    });
  });

  describe("as Events where its target is", () => {
    interface Event {
      reason: string;
      type: string;
      message: string;
      involvedObject: { kind: string; name: string; namespace?: string };
    }

    async function event(namespace: string, reason: string, name: string): Promise<Event> {
      for (let attempt = 0; attempt < 1000; attempt++) {
        const raw = await bed.must("human", ["get", "events", "-n", namespace, "-o", "json"]);
        const { items } = JSON.parse(raw) as { items: Event[] };
        const found = items.find((one) => one.reason === reason && one.involvedObject.name === name);
        if (found !== undefined) return found;
        await delay(100);
      }
      throw new Error(`no Event ${reason} for ${name} in ${namespace}`);
    }

    it("one says that it waits, and one that it was approved, by whom and why", async () => {
      const blocked = bed.start("agent", CREATE, pod("told", PRIVILEGED));
      const approval = await bed.pending("told");
      const pending = await event("demo", "ApprovalPending", "told");
      expect(pending).to.deep.include({ type: "Normal" });
      expect(pending.message).to.contain("agent asked for CREATE of pods told");
      expect(pending.message).to.contain(`kubectl hoop approve or deny ${approval.metadata.name} -n demo`);
      await bed.decide(approval, "Approve", "CHG-12");
      expect((await event("demo", "Approved", "told")).message).to.contain("Approved by approver (CHG-12)");
      await blocked.ended;
    });

    it("one says that it was denied, by whom and why", async () => {
      await bed.apply(pod("spared"));
      const blocked = bed.start("agent", ["delete", "pod", "spared", "-n", "demo"]);
      await bed.decide(await bed.pending("spared"), "Deny", "still needed");
      const denied = await event("demo", "Denied", "spared");
      expect(denied).to.deep.include({ type: "Warning" });
      expect(denied.message).to.contain("Denied by approver (still needed)");
      await blocked.ended;
      const described = await bed.must("human", ["describe", "pod", "spared", "-n", "demo"]);
      expect(described).to.match(/Warning +Denied .*hoop\.dev.*still needed/);
    });

    it("for what is in no namespace they are in default", async () => {
      const blocked = bed.start("agent", CREATE, binding("ClusterRoleBinding", "told", ["alice"]));
      const approval = await bed.pending("told");
      expect((await event("default", "ApprovalPending", "told")).involvedObject.kind).to.equal(
        "ClusterRoleBinding",
      );
      await bed.decide(approval, "Deny");
      await blocked.ended;
    });
  });

  describe("as the agent's name on objects", () => {
    interface Annotated {
      metadata: { annotations?: Record<string, string>; generation?: number };
    }

    async function got(kind: string, name: string): Promise<Annotated & Record<string, unknown>> {
      return JSON.parse(await bed.must("human", ["get", kind, name, "-n", "demo", "-o", "json"]));
    }

    /** The annotations at the path, without those of controllers and clients. */
    async function stamps(kind: string, name: string, ...path: string[]) {
      const object = path.reduce<unknown>(
        (value, step) => (value as Record<string, unknown>)[step],
        await got(kind, name),
      );
      const annotations = (object as Annotated).metadata.annotations ?? {};
      return Object.fromEntries(Object.entries(annotations).filter(([key]) => key.startsWith("hoop.dev/")));
    }

    const create = (who: Who, object: Manifest) => bed.must(who, CREATE, { input: JSON.stringify(object) });

    const TEMPLATES: Record<string, { make: (name: string) => Manifest; path: string[] }> = {
      podtemplate: {
        make: (name) => namespaced("v1", "PodTemplate", name, { template: template(HARMLESS) }),
        path: ["template"],
      },
      replicationcontroller: {
        make: (name) =>
          namespaced("v1", "ReplicationController", name, { spec: { template: template(HARMLESS) } }),
        path: ["spec", "template"],
      },
      replicaset: {
        make: (name) => namespaced("apps/v1", "ReplicaSet", name, { spec: selected(HARMLESS) }),
        path: ["spec", "template"],
      },
      deployment: { make: deployment, path: ["spec", "template"] },
      statefulset: {
        make: (name) => namespaced("apps/v1", "StatefulSet", name, { spec: selected(HARMLESS) }),
        path: ["spec", "template"],
      },
      daemonset: {
        make: (name) => namespaced("apps/v1", "DaemonSet", name, { spec: selected(HARMLESS) }),
        path: ["spec", "template"],
      },
      job: { make: job, path: ["spec", "template"] },
      cronjob: { make: cronJob, path: ["spec", "jobTemplate", "spec", "template"] },
    };

    for (const [kind, { make, path }] of Object.entries(TEMPLATES)) {
      it(`a ${kind} that an agent creates carries it, and so does its pod template`, async () => {
        await create("agent", make("by-agent"));
        expect(await stamps(kind, "by-agent")).to.deep.equal(STAMPED);
        expect(await stamps(kind, "by-agent", ...path)).to.deep.equal(STAMPED);
      });

      it(`a ${kind} of a person that an agent labels carries it, and its pod template does not`, async () => {
        await create("human", make("by-human"));
        expect(await stamps(kind, "by-human")).to.deep.equal({});
        expect(await stamps(kind, "by-human", ...path)).to.deep.equal({});
        await bed.must("agent", ["label", kind, "by-human", "-n", "demo", "tier=back"]);
        expect(await stamps(kind, "by-human")).to.deep.equal(STAMPED);
        expect(await stamps(kind, "by-human", ...path)).to.deep.equal({});
      });
    }

    it("a Pod, a ConfigMap and a cluster-scoped object that an agent creates carry it", async () => {
      await create("agent", pod("by-agent"));
      await bed.must("agent", ["create", "configmap", "by-agent", "-n", "demo"]);
      await bed.must("agent", ["create", "namespace", "by-agent"]);
      for (const kind of ["pod", "configmap", "namespace"])
        expect(await stamps(kind, "by-agent"), kind).to.deep.equal(STAMPED);
    });

    for (const how of [
      ["scale", "deployment", "scaled", "-n", "demo", "--replicas=3"],
      ["patch", "deployment", "scaled", "-n", "demo", "-p", '{"spec":{"replicas":5}}'],
    ])
      it(`an agent's kubectl ${how[0]} of the replicas leaves the pod template as it was`, async () => {
        await bed.apply(deployment("scaled"));
        const before = await got("deployment", "scaled");
        await bed.must("agent", how);
        const after = await got("deployment", "scaled");
        const templateOf = ({ spec }: Record<string, unknown>) => (spec as { template: unknown }).template;
        expect(templateOf(after)).to.deep.equal(templateOf(before));
        expect(after.metadata.generation).to.be.greaterThan(before.metadata.generation ?? 0);
      });

    it("a pod template that an agent changes carries it", async () => {
      await create("human", deployment("rolled"));
      await bed.must("agent", ["set", "image", "deployment/rolled", "main=app:2", "-n", "demo"]);
      expect(await stamps("deployment", "rolled")).to.deep.equal(STAMPED);
      expect(await stamps("deployment", "rolled", "spec", "template")).to.deep.equal(STAMPED);
    });

    it("an agent that applies or replaces the same manifest again rolls nothing out", async () => {
      const input = JSON.stringify(deployment("same"));
      await bed.must("agent", ["apply", "-f", "-"], { input });
      const { spec } = await got("deployment", "same");
      for (const args of [["apply"], ["replace"], ["apply", "--server-side", "--force-conflicts"]]) {
        await bed.must("agent", [...args, "-f", "-"], { input });
        expect((await got("deployment", "same"))["spec"], args.join(" ")).to.deep.equal(spec);
      }
      expect(await stamps("deployment", "same", "spec", "template")).to.deep.equal(STAMPED);
    });

    it("what a person changes carries no name of theirs", async () => {
      await create("human", deployment("mine"));
      await bed.must("human", ["set", "image", "deployment/mine", "main=app:2", "-n", "demo"]);
      await bed.must("human", ["label", "deployment", "mine", "-n", "demo", "tier=back"]);
      expect(await stamps("deployment", "mine")).to.deep.equal({});
      expect(await stamps("deployment", "mine", "spec", "template")).to.deep.equal({});
    });

    it("an agent can neither take it off nor put another's name in its place", async () => {
      await bed.must("agent", ["create", "configmap", "tampered", "-n", "demo"]);
      const annotate = ["annotate", "configmap", "tampered", "-n", "demo", "--overwrite"];
      await bed.kubectl("agent", [...annotate, "hoop.dev/agent-"]);
      expect(await stamps("configmap", "tampered")).to.deep.equal(STAMPED);
      await bed.kubectl("agent", [...annotate, "hoop.dev/agent=somebody-else"]);
      expect(await stamps("configmap", "tampered")).to.deep.equal(STAMPED);
    });
  });
});
