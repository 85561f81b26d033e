/**
 * An approval is for one request, once: changed anywhere it is held anew, fifty at once have one effect, dry runs
 * leave nothing, and what an approver reads is what is asked.
 */
import { expect } from "chai";
import type { Approval } from "#core/approval.ts";
import type { PolicyRule } from "#core/policy/spec.ts";
import {
  binding,
  clusterScoped,
  customResource,
  deployment,
  HARMLESS,
  type Manifest,
  namespaced,
  PRIVILEGED,
  pod,
  secret,
} from "../support/objects.ts";
import { hoop } from "../support/plugin.ts";
import { catalogueWith } from "../support/policies.ts";
import { asUserOf, type Call, type Caller, verdictOf } from "../support/raw.ts";
import { startTestbed, type Testbed } from "../support/testbed.ts";

const PODS = "/api/v1/namespaces/demo/pods";
const DEPLOYMENTS = "/apis/apps/v1/namespaces/demo/deployments";
const RBAC = "/apis/rbac.authorization.k8s.io/v1";
const THINGS = "/apis/example.com/v1/namespaces/demo/things";
const MERGE = "application/merge-patch+json";

/** Everything about custom resources waits. */
const THING: PolicyRule = {
  name: "things",
  action: "Hold",
  message: "a thing",
  matchConstraints: {
    resourceRules: [{ apiGroups: ["example.com"], operations: ["*"], resources: ["*/*"] }],
  },
};

/** Control characters but the line feed and the tab, and what is not seen or turns the line around. */
const HIDDEN = /(?![\n\t])\p{Cc}|[\u200b\u202e\u2066\ufeff]/u;

/** What a delete of a pod is answered with. */
interface Deleted {
  metadata: { uid: string };
}

const post = (path: string, body: object | string): Call => ({ method: "POST", path, body });

describe("an approval", () => {
  let bed: Testbed;
  let agent: Caller;

  before(async () => {
    bed = await startTestbed({ settings: { hold: { maxWaitSeconds: 0 } }, catalogue: catalogueWith(THING) });
    agent = await asUserOf(bed.kubeconfig("agent"));
    await bed.apply([
      namespaced("v1", "ServiceAccount", "default"),
      clusterScoped("v1", "Namespace", "other"),
      { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "default", namespace: "other" } },
    ]);
    const crd = customResource("things");
    const schema = { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } };
    const versions = [{ name: "v1", served: true, storage: true, schema }];
    await bed.apply({ ...crd, spec: { ...(crd["spec"] as object), versions } });
    await bed.must("human", [
      "wait",
      "crd/things.example.com",
      "--for=condition=Established",
      "--timeout=300s",
    ]);
    await untilStampable();
  });

  /** To stamp an object the API server needs the schema of its kind, and learns that of a new one within seconds. */
  async function untilStampable(): Promise<void> {
    const tried = clusterScoped("example.com/v1", "Thing", "tried");
    while ([404, 503].includes((await agent(post(`${THINGS}?dryRun=All`, tried))).code))
      await new Promise((resolve) => setTimeout(resolve, 200));
  }

  after(() => bed?.stop());

  /** The approvals that are pending and were not before. */
  async function newApprovals(act: () => Promise<unknown>): Promise<Approval[]> {
    const before = new Set((await bed.approvals()).map(({ metadata }) => metadata.uid));
    await act();
    return (await bed.approvals()).filter(({ metadata }) => !before.has(metadata.uid));
  }

  /** Asks, and has what is held approved. */
  async function approved(call: Call, who: Caller = agent): Promise<Approval> {
    const [approval, ...more] = await newApprovals(async () => {
      expect(verdictOf(await who(call))).to.match(/^held by /);
    });
    expect(more).to.have.length(0);
    if (approval === undefined) throw new Error("nothing new waits");
    expect((await bed.decide(approval, "Approve")).code).to.equal(0);
    return approval;
  }

  async function phaseOf({ metadata }: Approval): Promise<string | undefined> {
    return (await bed.approvals()).find((one) => one.metadata.uid === metadata.uid)?.status.phase;
  }

  const uses = async ({ metadata }: Approval) =>
    (await bed.records()).flatMap(({ approval }) => {
      const use = approval as { namespace: string; name: string; use?: string } | undefined;
      return use?.name === metadata.name && use.namespace === metadata.namespace && use.use ? [use.use] : [];
    });

  /** The same pod, changed in one place. */
  const APPROVED = {
    ...pod("app", {
      ...HARMLESS,
      hostNetwork: true,
      containers: [
        { name: "main", image: "app:1", command: ["run", "me"], env: [{ name: "MODE", value: "careful" }] },
      ],
    }),
    metadata: { name: "app", namespace: "demo", labels: { app: "a" }, annotations: { note: "n" } },
  };
  type Changed = (pod: PodShape) => void;
  interface PodShape {
    metadata: {
      name: string;
      namespace: string;
      labels: Record<string, string>;
      annotations: Record<string, string>;
    };
    spec: Record<string, unknown> & {
      containers: [{ image: string; command: string[]; env: [{ value: string }] } & Record<string, unknown>];
    };
  }
  const changes: Record<string, Changed> = {
    "its image": ({ spec }) => {
      spec.containers[0].image = "app:2";
    },
    "its image by a letter that looks alike": ({ spec }) => {
      spec.containers[0].image = "\u0430pp:1";
    },
    "its command": ({ spec }) => {
      spec.containers[0].command = ["run", "mf"];
    },
    "its command, split otherwise": ({ spec }) => {
      spec.containers[0].command = ["run me"];
    },
    "its command by an invisible letter": ({ spec }) => {
      spec.containers[0].command = ["run", "me\u200b"];
    },
    "a variable's value": ({ spec }) => {
      spec.containers[0].env[0].value = "careless";
    },
    "one more capability": ({ spec }) => {
      spec.containers[0]["securityContext"] = { capabilities: { add: ["SYS_PTRACE"] } };
    },
    "one more namespace of the node": ({ spec }) => {
      spec["hostPID"] = true;
    },
    "its node": ({ spec }) => {
      spec["nodeName"] = "node-1";
    },
    "a label": ({ metadata }) => {
      metadata.labels["app"] = "b";
    },
    "one more label": ({ metadata }) => {
      metadata.labels["constructor"] = "b";
    },
    "an annotation": ({ metadata }) => {
      metadata.annotations["note"] = "m";
    },
    "the reason it gives": ({ metadata }) => {
      metadata.annotations["hoop.dev/reason"] = "trust me";
    },
    "its name": ({ metadata }) => {
      metadata.name = "apq";
    },
    "its namespace": ({ metadata }) => {
      metadata.namespace = "other";
    },
  };

  describe("for a pod does not let it through with another value of", () => {
    let approval: Approval;
    before(async () => {
      approval = await approved(post(PODS, APPROVED));
    });

    for (const [what, change] of Object.entries(changes))
      it(what, async () => {
        const changed = structuredClone(APPROVED) as unknown as PodShape;
        change(changed);
        const path = `/api/v1/namespaces/${changed.metadata.namespace}/pods`;
        const reply = await agent(post(path, changed));
        // What the API server itself finds invalid never comes to us.
        expect(verdictOf(reply)).to.match(/^held by .*host-namespaces|^422 .*image/);
        expect(await phaseOf(approval)).to.equal("Approved");
      });

    it("its user", async () => {
      const file = await bed.controlPlane.kubeconfig("second-agent", ["hoop:agents"]);
      const reply = await (await asUserOf(file))(post(PODS, APPROVED));
      expect(verdictOf(reply)).to.equal("held by host-namespaces");
      expect(await phaseOf(approval)).to.equal("Approved");
    });

    it("nothing: that passes, once", async () => {
      expect(verdictOf(await agent(post(PODS, APPROVED)))).to.equal("201");
      expect(await phaseOf(approval)).to.equal("Used");
      expect(await uses(approval)).to.deep.equal(["waiting", "spent"]);
    });
  });

  /** Such a pod is given time to end; one on no node is deleted at once, whatever is asked. */
  const onNode = (name: string) => pod(name, { ...HARMLESS, nodeName: "node-1" });

  describe("for a delete does not let it through with", () => {
    let approval: Approval;
    const path = `${PODS}/victim`;
    before(async () => {
      await bed.apply(onNode("victim"));
      approval = await approved({ method: "DELETE", path, body: { propagationPolicy: "Background" } });
    });

    for (const [what, given] of Object.entries<Partial<Call>>({
      "no grace": { body: { propagationPolicy: "Background", gracePeriodSeconds: 0 } },
      "another propagation policy": { body: { propagationPolicy: "Orphan" } },
      "another policy by the query": { path: `${path}?propagationPolicy=Foreground` },
      preconditions: { body: { propagationPolicy: "Background", preconditions: { resourceVersion: "1" } } },
    }))
      it(what, async () => {
        const reply = await agent({ method: "DELETE", path, ...given });
        expect(verdictOf(reply)).to.match(/^held by pod-delete|^409 /);
        expect(await phaseOf(approval)).to.equal("Approved");
      });

    it("another pod of that name", async () => {
      await bed.must("human", ["delete", "pod", "victim", "-n", "demo", "--force", "--grace-period=0"]);
      await bed.apply(onNode("victim"));
      const body = { propagationPolicy: "Background" };
      expect(verdictOf(await agent({ method: "DELETE", path, body }))).to.equal("held by pod-delete");
      expect(await uses(approval)).to.deep.equal(["waiting"]);
    });
  });

  it("for an eviction is not for another pod of that name", async () => {
    await bed.apply(pod("evicted"));
    const call = post(`${PODS}/evicted/eviction`, {
      apiVersion: "policy/v1",
      kind: "Eviction",
      metadata: { name: "evicted", namespace: "demo" },
    });
    await approved(call);
    await bed.must("human", ["delete", "pod", "evicted", "-n", "demo", "--force", "--grace-period=0"]);
    await bed.apply(pod("evicted"));
    expect(verdictOf(await agent(call))).to.equal("held by pod-delete");
  });

  it("for an update is not for another, nor for the same on other ground", async () => {
    await bed.apply(binding("ClusterRoleBinding", "readers", ["alice"]));
    const add = (name: string): Call => ({
      method: "PATCH",
      path: `${RBAC}/clusterrolebindings/readers`,
      body: [
        {
          op: "add",
          path: "/subjects/-",
          value: { apiGroup: "rbac.authorization.k8s.io", kind: "User", name },
        },
      ],
      type: "application/json-patch+json",
    });
    const approval = await approved(add("bob"));
    expect(verdictOf(await agent(add("mallory")))).to.equal("held by rbac-write");
    expect(await phaseOf(approval)).to.equal("Approved");
    await bed.apply(binding("ClusterRoleBinding", "readers", ["carol"]));
    expect(verdictOf(await agent(add("bob")))).to.equal("held by rbac-write");
    expect(await uses(approval)).to.deep.equal(["waiting"]);
  });

  it("for a number is not for one that a double cannot tell from it", async () => {
    const thing = (name: string, digits: string) =>
      `{"apiVersion":"example.com/v1","kind":"Thing","metadata":{"name":"${name}"},"spec":{"amount":${digits}}}`;
    const first = post(THINGS, thing("one", "9007199254740993"));
    const second = post(THINGS, thing("one", "9007199254740992"));
    const approval = await approved(first);
    expect(approval.spec.change.diff).to.contain("9007199254740993");
    const others = await newApprovals(async () => {
      expect(verdictOf(await agent(second))).to.equal("held by things");
    });
    expect(others.map(({ spec }) => spec.change.diff).join()).to.contain("9007199254740992");
    expect(await phaseOf(approval)).to.equal("Approved");
    expect(verdictOf(await agent(first))).to.equal("201");
    const stored = await bed.must("human", ["get", "--raw", `${THINGS}/one`]);
    expect(stored).to.contain("9007199254740993");
    const patch = (digits: string): Call => ({
      method: "PATCH",
      path: `${THINGS}/one`,
      body: `{"spec":{"amount":${digits}}}`,
      type: MERGE,
    });
    await approved(patch("9007199254740995"));
    expect(verdictOf(await agent(patch("9007199254740997")))).to.equal("held by things");
  });

  it("for a member that JavaScript knows by itself is for that member", async () => {
    const thing = (spec: string) =>
      `{"apiVersion":"example.com/v1","kind":"Thing","metadata":{"name":"odd"},"spec":${spec}}`;
    const one = post(THINGS, thing('{"__proto__":{"a":1},"constructor":{"b":2}}'));
    const approval = await approved(one);
    expect(approval.spec.change.diff).to.contain("__proto__").and.to.contain("constructor");
    for (const spec of ['{"constructor":{"b":2}}', '{"__proto__":{"a":2},"constructor":{"b":2}}', "{}"])
      expect(verdictOf(await agent(post(THINGS, thing(spec))))).to.equal("held by things");
    expect(await phaseOf(approval)).to.equal("Approved");
    expect(verdictOf(await agent(one))).to.equal("201");
  });

  it("is asked for, used and recorded for objects as large as can be shown to a person", async () => {
    const rules = Array.from({ length: 2_500 }, (_, index) => ({
      apiGroups: ["example.com"],
      resources: [`things-${index}-${"x".repeat(280)}`],
      verbs: ["get"],
    }));
    const role = clusterScoped("rbac.authorization.k8s.io/v1", "ClusterRole", "large", { rules });
    expect(JSON.stringify(role).length).to.be.above(800_000);
    const create = post(`${RBAC}/clusterroles`, role);
    await approved(create);
    expect(verdictOf(await agent(create))).to.equal("201");
    const last = { op: "replace", path: "/rules/2499/verbs/0", value: "*" };
    const call: Call = {
      method: "PATCH",
      path: `${RBAC}/clusterroles/large`,
      body: [last],
      type: "application/json-patch+json",
    };
    const approval = await approved(call);
    expect(approval.spec.change.diff).to.contain('+      - "*"');
    expect(verdictOf(await agent(call))).to.equal("200");
  });

  describe("for what is done many times at once", () => {
    it("lets fifty identical deletes through, is spent once, and one pod is gone", async () => {
      await bed.apply([pod("crowd"), pod("bystander")]);
      const call: Call = { method: "DELETE", path: `${PODS}/crowd`, body: { gracePeriodSeconds: 0 } };
      const [approval, ...more] = await newApprovals(() =>
        Promise.all(Array.from({ length: 50 }, () => agent(call))),
      );
      expect(more).to.have.length(0);
      if (approval === undefined) throw new Error("nothing waits");
      await bed.decide(approval, "Approve");
      const replies = await Promise.all(Array.from({ length: 50 }, () => agent(call)));
      // The API server answers 200 also to who comes as it is being deleted.
      const gone = replies.filter(({ code }) => code === 200).map(({ text }) => JSON.parse(text) as Deleted);
      expect(new Set(gone.map(({ metadata }) => metadata.uid))).to.deep.equal(
        new Set([approval.spec.target.uid]),
      );
      expect((await uses(approval)).filter((use) => use === "spent")).to.have.length(1);
      expect(await bed.must("human", ["get", "pods", "-n", "demo", "-o", "name"])).to.contain("bystander");
    });

    it("lets fifty identical creates through, is spent once, and there is one object", async () => {
      const call = post(PODS, pod("single", PRIVILEGED));
      const approval = await approved(call);
      const replies = await Promise.all(Array.from({ length: 50 }, () => agent(call)));
      const made = replies.filter(({ code }) => code === 201).map(({ text }) => JSON.parse(text) as Manifest);
      expect(made).to.have.length(1);
      for (const reply of replies)
        expect(verdictOf(reply)).to.match(/^201|^409 |^held by privileged-container/);
      expect((await uses(approval)).filter((use) => use === "spent")).to.have.length(1);
    });

    it("lets fifty identical updates through, is spent once, and one has an effect", async () => {
      await bed.apply(deployment("many"));
      const call: Call = {
        method: "PATCH",
        path: `${DEPLOYMENTS}/many`,
        body: { spec: { template: { spec: { hostNetwork: true } } } },
        type: MERGE,
      };
      const approval = await approved(call);
      const replies = await Promise.all(Array.from({ length: 50 }, () => agent(call)));
      const generations = replies
        .filter(({ code }) => code === 200)
        .map(({ text }) => (JSON.parse(text) as { metadata: { generation: number } }).metadata.generation);
      expect(new Set(generations)).to.deep.equal(new Set([2]));
      expect((await uses(approval)).filter((use) => use === "spent")).to.have.length(1);
    });

    it("lets one of many generated names through", async () => {
      const call = post(PODS, {
        ...pod("", PRIVILEGED),
        metadata: { generateName: "gen-", namespace: "demo" },
      });
      const approval = await approved(call);
      const replies = await Promise.all(Array.from({ length: 20 }, () => agent(call)));
      expect(replies.filter(({ code }) => code === 201)).to.have.length(1);
      expect((await uses(approval)).filter((use) => use === "spent")).to.have.length(1);
      const names = await bed.must("human", ["get", "pods", "-n", "demo", "-o", "name"]);
      expect(names.match(/pod\/gen-/g)).to.have.length(1);
    });

    it("lets one exec through", async () => {
      await bed.apply(pod("shell"));
      const call = post(`${PODS}/shell/exec?command=id&stdout=true`, "");
      const approval = await approved(call);
      const verdicts = (await Promise.all(Array.from({ length: 10 }, () => agent(call)))).map(verdictOf);
      expect(verdicts.filter((verdict) => verdict === "held by pod-connect")).to.have.length(9);
      expect((await uses(approval)).filter((use) => use === "spent")).to.have.length(1);
    });

    it("ends in one object also by parallel kubectls", async () => {
      const input = JSON.stringify(pod("kubectls", PRIVILEGED));
      const run = () => bed.kubectl("agent", ["create", "-f", "-"], { input });
      const [approval] = await newApprovals(run);
      if (approval === undefined) throw new Error("nothing waits");
      await bed.decide(approval, "Approve");
      const ended = await Promise.all(Array.from({ length: 8 }, run));
      expect(ended.filter(({ code }) => code === 0)).to.have.length(1);
      for (const { code, output } of ended)
        if (code !== 0) expect(output).to.match(/AlreadyExists|HELD, not refused/);
      expect((await uses(approval)).filter((use) => use === "spent")).to.have.length(1);
    });
  });

  describe("is not there after a dry run of", () => {
    const dry: Record<string, Call> = {
      "a create": post(`${PODS}?dryRun=All`, pod("dry", PRIVILEGED)),
      "an apply": {
        method: "PATCH",
        path: `${PODS}/dry?dryRun=All&fieldManager=m`,
        body: pod("dry", PRIVILEGED),
        type: "application/apply-patch+yaml",
      },
      "an update": {
        method: "PUT",
        path: `${DEPLOYMENTS}/stays?dryRun=All`,
        body: deployment("stays", PRIVILEGED),
      },
      "a patch": {
        method: "PATCH",
        path: `${DEPLOYMENTS}/stays?dryRun=All`,
        body: { spec: { template: { spec: { hostNetwork: true } } } },
        type: MERGE,
      },
      "a delete": { method: "DELETE", path: `${PODS}/stays?dryRun=All` },
      "a delete by its body": { method: "DELETE", path: `${PODS}/stays`, body: { dryRun: ["All"] } },
      "an eviction": post(`${PODS}/stays/eviction?dryRun=All`, {
        apiVersion: "policy/v1",
        kind: "Eviction",
        metadata: { name: "stays", namespace: "demo" },
      }),
    };
    before(() => bed.apply([pod("stays"), deployment("stays")]));

    const state = () => bed.must("human", ["get", "pods,deploy", "-n", "demo", "-o", "json"]);

    for (const [what, call] of Object.entries(dry))
      it(what, async () => {
        const before = await state();
        const made = await newApprovals(async () => {
          expect((await agent(call)).code).to.be.oneOf([200, 201]);
        });
        expect(made).to.have.length(0);
        expect(await state()).to.equal(before);
      });

    it("what is approved: that stays unspent", async () => {
      const approval = await approved({ method: "DELETE", path: `${PODS}/stays` });
      expect((await agent({ method: "DELETE", path: `${PODS}/stays?dryRun=All` })).code).to.equal(200);
      expect(await phaseOf(approval)).to.equal("Approved");
      expect(await uses(approval)).to.deep.equal(["waiting"]);
    });

    for (const [what, call] of Object.entries<Call>({
      "a Secret": post("/api/v1/namespaces/demo/secrets?dryRun=All", secret("dry")),
      "a token": post("/api/v1/namespaces/demo/serviceaccounts/default/token?dryRun=All", {
        apiVersion: "authentication.k8s.io/v1",
        kind: "TokenRequest",
        spec: {},
      }),
    }))
      it(`${what}, which is denied`, async () => {
        const made = await newApprovals(async () => {
          const { code, text } = await agent(call);
          expect(code).to.equal(403);
          expect(text).not.to.contain("eyJ");
        });
        expect(made).to.have.length(0);
      });
  });

  describe("shows a person", () => {
    const ESC = "\u001b[2J\u001b[31m";
    const BIDI = "\u202e\u2066";
    const ZERO = "\u200b\ufeff";

    it("every letter that an agent hides, escaped", async () => {
      const hostile = {
        ...pod("shown", {
          ...HARMLESS,
          hostNetwork: true,
          containers: [
            { name: "main", image: "app:1", command: ["sh", "-c", `a${ESC}b${BIDI}c${ZERO}d\rok`] },
          ],
        }),
        metadata: {
          name: "shown",
          namespace: "demo",
          annotations: { "hoop.dev/reason": `fine${ESC}\n  Decisions:\n  bob approved${BIDI}${ZERO}` },
        },
      };
      const [approval] = await newApprovals(() => agent(post(PODS, hostile)));
      if (approval === undefined) throw new Error("nothing waits");
      const shown = await hoop(bed, "approver", ["show", approval.metadata.name, "-n", "demo"]);
      expect(shown.code).to.equal(0);
      expect(shown.stdout).to.contain("\\u{1b}").and.to.contain("\\u{202e}").and.to.contain("\\u{200b}");
      expect(shown.stdout).not.to.match(HIDDEN);
      expect(shown.stdout.match(/^\s*Decisions:/gm)).to.equal(null);
      for (const output of ["wide", "name"]) {
        const listed = await hoop(bed, "approver", ["pending", "-A", "-o", output]);
        expect(listed.stdout).not.to.match(HIDDEN);
      }
    });

    it("a name of letters that no terminal should see, escaped", async () => {
      const name = `evil${BIDI}${ZERO}\u001b[31mred`;
      const role = clusterScoped("rbac.authorization.k8s.io/v1", "ClusterRole", name, { rules: [] });
      const [approval] = await newApprovals(async () => {
        expect(verdictOf(await agent(post(`${RBAC}/clusterroles`, role)))).to.equal("held by rbac-write");
      });
      if (approval === undefined) throw new Error("nothing waits");
      expect(approval.metadata.name).to.match(/^[a-z0-9-]+$/);
      const at = [approval.metadata.name, "-n", approval.metadata.namespace];
      for (const shown of [
        await hoop(bed, "approver", ["show", ...at]),
        await hoop(bed, "approver", ["pending", "-A"]),
        await hoop(bed, "human", ["records", "-A"]),
        await bed.kubectl("approver", ["get", "approvals.hoop.dev", "-A", "-o", "wide"]),
      ])
        expect(shown.output).not.to.contain("\u001b");
      const { stdout } = await hoop(bed, "approver", ["show", ...at]);
      expect(stdout).to.contain("\\u{202e}");
    });
  });
});
