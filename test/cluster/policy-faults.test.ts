/**
 * What becomes of policies when things break: Hoop, the API server or etcd is killed or stands still, a policy or a
 * namespace goes while a request waits, the API of policies is taken away. Nothing that a policy stops gets through.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "chai";
import type { Approval } from "#core/approval.ts";
import { localManifests } from "../../local/manifests.ts";
import { post } from "../support/calls.ts";
import { until } from "../support/control-plane.ts";
import { type HoopProcess, launchProcess, startProcess } from "../support/hoop-process.ts";
import { clusterScoped, type Manifest, namespaced } from "../support/objects.ts";
import { asUserOf, type Call, type Caller, type Reply } from "../support/raw.ts";
import { startTestbed, type Testbed } from "../support/testbed.ts";

const MAPS = (namespace: string) => `/api/v1/namespaces/${namespace}/configmaps`;

const named = (...names: string[]) => ({
  resourceRules: [
    { apiGroups: [""], operations: ["CREATE"], resources: ["configmaps"], resourceNames: names },
  ],
});
const policy = (name: string, names: string[], rule: object): Manifest =>
  clusterScoped("policy.hoop.dev/v1alpha1", "AgentPolicy", name, {
    spec: { matchConstraints: named(...names), rules: [{ name: "rule", when: "true", ...rule }] },
  });
const configMap = (name: string, namespace = "demo"): Call =>
  post(MAPS(namespace), { ...namespaced("v1", "ConfigMap", name), metadata: { name, namespace } });

/** What an agent asks all the time, and must never get: denied by a policy, held by one, held by an annotation. */
const STOPPED: readonly Call[] = [
  configMap("denied"),
  configMap("held"),
  configMap("annotated", "bound"),
  configMap("denied-by-params"),
];

describe("what a policy stops", () => {
  let bed: Testbed;
  let hoop: HoopProcess | undefined;
  let agent: Caller;
  let admin: Caller;

  before(async function () {
    this.timeout(300_000);
    bed = await startTestbed({ settings: { hold: { maxWaitSeconds: 0 } } });
    await bed.apply([
      {
        ...clusterScoped("v1", "Namespace", "bound"),
        metadata: { name: "bound", annotations: { "hoop.dev/require-approval": "true" } } as never,
      },
      namespaced("v1", "ConfigMap", "limits", { data: { name: "denied-by-params" } }),
      {
        ...clusterScoped("rbac.authorization.k8s.io/v1", "ClusterRole", "params"),
        rules: [{ apiGroups: [""], resources: ["configmaps"], verbs: ["get", "list", "watch"] }],
      },
      {
        ...clusterScoped("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "params"),
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "params" },
        subjects: [{ kind: "ServiceAccount", namespace: "hoop-system", name: "hoop" }],
      },
    ]);
    await bed.apply(POLICIES);
    agent = await asUserOf(bed.kubeconfig("agent"));
    admin = await asUserOf(bed.kubeconfig("human"));
    await bed.stopHoop();
    hoop = await startProcess(bed);
    await untilStopped();
  });
  after(async () => {
    hoop?.child.kill("SIGKILL");
    await hoop?.ended;
    await bed?.stop();
  });

  const POLICIES: Manifest[] = [
    policy("denied", ["denied"], { action: "Deny" }),
    policy("held", ["held"], { action: "Hold" }),
    clusterScoped("policy.hoop.dev/v1alpha1", "AgentPolicy", "by-params", {
      spec: {
        matchConstraints: named("denied-by-params"),
        paramKind: { apiVersion: "v1", kind: "ConfigMap" },
        paramRef: { name: "limits", namespace: "demo", parameterNotFoundAction: "Deny" },
        rules: [{ name: "rule", action: "Deny", when: "request.name == params.data.name" }],
      },
    }),
  ];

  const isStopped = ({ text }: { text: string }) => /denied for agents|HELD, not refused/.test(text);

  /** All of them, by the policies and not by something else. What passes before is undone. */
  async function untilStopped(): Promise<void> {
    for (const call of STOPPED)
      await until(
        `${call.path} is stopped`,
        async () => {
          const reply = await agent(call);
          if (reply.code === 201) await admin({ method: "DELETE", path: `${call.path}/${nameOf(call)}` });
          return isStopped(reply);
        },
        120_000,
      );
  }

  const nameOf = ({ body }: Call) => (body as { metadata: { name: string } }).metadata.name;

  /** Asks for all of them again and again, until it is told to end; the answers that let something through. */
  function asking(): () => Promise<string[]> {
    let isOver = false;
    const passed: string[] = [];
    const ask = async (call: Call) => {
      while (!isOver) {
        const reply = await agent(call).catch(() => undefined);
        if (reply !== undefined && reply.code < 300) passed.push(`${call.path}: ${reply.text}`);
        await delay(20);
      }
    };
    const all = Promise.all(STOPPED.map(ask));
    return async () => {
      isOver = true;
      await all;
      return passed;
    };
  }

  /** Whatever `fault` does: nothing passes meanwhile, and afterwards all is as it was. */
  async function during(fault: () => Promise<void>): Promise<void> {
    const end = asking();
    try {
      await fault();
      await untilStopped();
    } finally {
      expect(await end()).to.deep.equal([]);
    }
  }

  const pidOf = async (name: string) =>
    Number(await readFile(join(bed.controlPlane.directory, "pids", `${name}.pid`), "utf8"));

  async function standStill(pid: number): Promise<void> {
    process.kill(pid, "SIGSTOP");
    try {
      await delay(2_000);
    } finally {
      process.kill(pid, "SIGCONT");
    }
  }

  const processOf = (started: HoopProcess | undefined): number => started?.child.pid ?? Number.NaN;

  async function restarted(): Promise<void> {
    hoop?.child.kill("SIGKILL");
    await hoop?.ended;
    hoop = await startProcess(bed);
  }

  it("does not pass while Hoop is killed and started again", () => during(restarted)).timeout(240_000);

  it("does not pass while the API server is killed and started again", () =>
    during(async () => {
      await bed.controlPlane.apiserver.kill();
      await bed.controlPlane.apiserver.start();
    })).timeout(240_000);

  for (const component of ["etcd", "kube-apiserver"])
    it(`does not pass while ${component} stands still`, () =>
      during(async () => standStill(await pidOf(component)))).timeout(240_000);

  it("does not pass while Hoop stands still", () => during(() => standStill(processOf(hoop)))).timeout(
    240_000,
  );

  describe("and waits for people", () => {
    const approval = { maxWait: "60s" };
    const CHANGES: Readonly<Record<string, Manifest>> = {
      "the rule denies by now": policy("waits-0", ["waits-0"], { action: "Deny" }),
      "it takes two by now": policy("waits-1", ["waits-1"], {
        action: "Hold",
        approval: { ...approval, count: 2 },
      }),
      "another rule holds it, too, by now": policy("waits-2-more", ["waits-2"], { action: "Hold", approval }),
      "its policy cannot tell by now": policy("waits-3-more", ["waits-3"], {
        action: "Hold",
        when: "object.data.missing == 'x'",
      }),
    };

    const exists = async (call: Call) => (await admin({ path: `${call.path}/${nameOf(call)}` })).code === 200;

    async function pendingFor(call: Call): Promise<Approval | undefined> {
      const { text } = await admin({ path: "/apis/hoop.dev/v1alpha1/approvals" });
      const { items } = JSON.parse(text) as { items: Approval[] };
      return items.find(
        ({ spec, status }) => status.phase === "Pending" && spec.target.name === nameOf(call),
      );
    }

    interface Waiting {
      call: Call;
      answer: Promise<Reply>;
      approval: Approval;
    }

    /** Asks once. Undefined where it was answered at once. A few seconds before its timeout, a request ends by itself. */
    async function asked(call: Call, seconds: number): Promise<Waiting | undefined> {
      let isOver = false;
      const answer = agent({ ...call, path: `${call.path}?timeout=${seconds}s` }).finally(() => {
        isOver = true;
      });
      while (!isOver) {
        const approval = await pendingFor(call);
        if (approval !== undefined) return { call, answer, approval };
        await delay(50);
      }
      const { code } = await answer;
      if (code === 201) await admin({ method: "DELETE", path: `${call.path}/${nameOf(call)}` });
      return undefined;
    }

    /** Asks until it waits: before, Hoop does not know yet what stops it. */
    async function waiting(call: Call, seconds = 30): Promise<Waiting> {
      for (;;) {
        const found = await asked(call, seconds);
        if (found !== undefined) return found;
      }
    }

    /** Its answer; or undefined, when it waits for another approval than before. */
    async function outcome({ call, answer, approval }: Waiting): Promise<Reply | undefined> {
      let isOver = false;
      const over = answer.finally(() => {
        isOver = true;
      });
      const anew = until("it waits anew", async () => {
        const now = await pendingFor(call);
        return isOver || (now !== undefined && now.metadata.name !== approval.metadata.name);
      });
      return Promise.race([over, anew.then(() => (isOver ? over : undefined))]);
    }

    /** Resolves when Hoop goes by them. */
    async function changed(...changes: Manifest[]): Promise<void> {
      await bed.apply(changes);
      for (const { metadata } of changes) {
        const path = `/apis/policy.hoop.dev/v1alpha1/agentpolicies/${metadata.name}`;
        await until(`${metadata.name} is in force`, async () => {
          const now = JSON.parse((await admin({ path })).text);
          const [ready] = now.status?.conditions ?? [];
          return ready?.observedGeneration === now.metadata.generation;
        });
      }
    }

    /** Deletes a namespace to its end, which no controller does here, and makes it again without annotations. */
    async function madeAgain(name: string): Promise<void> {
      const path = `/api/v1/namespaces/${name}`;
      await admin({ method: "DELETE", path });
      const going = JSON.parse((await admin({ path })).text);
      await admin({ method: "PUT", path: `${path}/finalize`, body: { ...going, spec: { finalizers: [] } } });
      await until("it is gone", async () => (await admin({ path })).code === 404);
      await bed.apply(clusterScoped("v1", "Namespace", name));
    }

    const UNRULED = configMap("waits-unruled");
    const INTO = configMap("into", "going");
    const answers = new Map<Call, Reply | undefined>();
    const passed = (call: Call) => answers.get(call)?.code === 201;
    const calls = Object.keys(CHANGES).map((_, n) => configMap(`waits-${n}`));

    // All of them wait at the same time.
    before(async function () {
      this.timeout(300_000);
      const names = [...Object.keys(CHANGES).map((_, n) => `waits-${n}`), "waits-unruled"];
      const annotations = { "hoop.dev/require-approval": "true" };
      await bed.apply({
        ...clusterScoped("v1", "Namespace", "going"),
        metadata: { name: "going", annotations } as never,
      });
      await changed(...names.map((name) => policy(name, [name], { action: "Hold", approval })));
      const all = [...calls, INTO];
      const asking = await Promise.all(all.map((call) => waiting(call)));
      const unruled = await waiting(UNRULED, 12);
      await admin({ method: "DELETE", path: "/apis/policy.hoop.dev/v1alpha1/agentpolicies/waits-unruled" });
      await changed(...Object.values(CHANGES));
      await madeAgain("going");
      await Promise.all(asking.map(({ approval: of }) => bed.decide(of, "Approve")));
      for (const one of asking) answers.set(one.call, await outcome(one));
      answers.set(UNRULED, await unruled.answer);
    });

    for (const [n, what] of Object.keys(CHANGES).entries())
      it(`does not pass when it is approved, and ${what}`, async () => {
        const call = calls[n] as Call;
        expect(answers.has(call) && !passed(call)).to.equal(true);
        expect(await exists(call)).to.equal(false);
      });

    it("does not pass undecided when its policy is deleted", async () => {
      expect(answers.get(UNRULED)?.text).to.contain("HELD, not refused");
      expect(await exists(UNRULED)).to.equal(false);
    });

    it("does not pass into a namespace that was removed and made again without its annotation", async () => {
      expect(answers.has(INTO) && !passed(INTO)).to.equal(true);
      expect(await exists(INTO)).to.equal(false);
    });
  });

  describe("without the API of policies", () => {
    before(() => bed.must("human", ["delete", "crd", "agentpolicies.policy.hoop.dev", "--timeout=300s"]));

    const HELD = { method: "DELETE", path: "/api/v1/namespaces/bound" };
    const stillStands = async () => {
      const { text } = await agent(HELD);
      expect(text).to.match(/HELD, not refused|agents-are-refused-while-hoop-is-unreachable/);
    };

    it("is what the catalogue and annotations stop", async () => {
      await stillStands();
      expect((await agent(configMap("annotated", "bound"))).text).to.contain("HELD, not refused");
    });

    it("is the same where Hoop is started without it, and all as before once it is back", async () => {
      hoop?.child.kill("SIGKILL");
      await hoop?.ended;
      await stillStands();
      const launched = await launchProcess(bed);
      hoop = launched;
      await stillStands();
      const manifests = await localManifests(
        { api: bed.apiPort, webhook: bed.webhookPort },
        { stampBy: "policy" },
      );
      const { items } = JSON.parse(manifests) as { items: Manifest[] };
      await bed.apply(items.filter(({ metadata }) => metadata.name === "agentpolicies.policy.hoop.dev"));
      const served = ["wait", "crd/agentpolicies.policy.hoop.dev", "--for=condition=Established"];
      await bed.must("human", served);
      await until("policies are taken", async () => {
        const input = JSON.stringify({ apiVersion: "v1", kind: "List", items: POLICIES });
        return (await bed.kubectl("human", ["apply", "-f", "-"], { input })).code === 0;
      });
      await untilStopped();
    }).timeout(240_000);
  });
});
