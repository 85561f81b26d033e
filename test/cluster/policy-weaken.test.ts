/**
 * An agent whom RBAC lets do everything tries to be rid of what binds it: every way to write, at everything that says
 * what agents may do. Whatever is answered: all of it stands as before, and still binds.
 */
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "chai";
import { post } from "../support/calls.ts";
import { until } from "../support/control-plane.ts";
import { namespaced } from "../support/objects.ts";
import { asUserOf, type Call, type Caller, type Reply } from "../support/raw.ts";
import { startTestbed, type Testbed } from "../support/testbed.ts";
import { ADDITIONS, attemptsOn } from "../support/weaken/attempts.ts";
import {
  installed,
  NEEDED,
  PARAM_KIND,
  type Place,
  POLICIES,
  placeOf,
  SET_UP,
  standing,
} from "../support/weaken/protected.ts";

const PROD = "/api/v1/namespaces/prod";
const configMap = (name: string, namespace = "prod"): Call =>
  post(`/api/v1/namespaces/${namespace}/configmaps`, {
    ...namespaced("v1", "ConfigMap", name),
    metadata: { name, namespace },
  });
const touched = (path: string): Call => ({
  method: "PATCH",
  path,
  body: { metadata: { labels: { touched: "yes" } } },
  type: "application/merge-patch+json",
});

type Who = "agent" | "robot" | "bot";

/** One for each thing that binds agents: what is asked, by whom, and what must come of it. */
type Canary = readonly [Who, Call, string];

const CANARIES: Readonly<Record<string, Canary>> = {
  "an AgentPolicy that selects a Namespace by its labels": [
    "agent",
    configMap("by-selector"),
    "denied by by-selector/canary",
  ],
  "an AgentPolicy with a ConfigMap as its params": [
    "agent",
    configMap("by-params"),
    "denied by by-params/canary",
  ],
  "an AgentPolicy with an object of a CRD as its params": [
    "agent",
    configMap("by-bounds"),
    "denied by by-bounds/canary",
  ],
  "a Namespace's annotation": ["agent", configMap("by-namespace"), "held by require-approval@namespace/prod"],
  "the annotation of the agent's ServiceAccount": [
    "bot",
    configMap("by-account"),
    "denied by deny@serviceaccount/ci/bot",
  ],
  "the annotation of an object": [
    "agent",
    touched(`${PROD}/configmaps/guarded`),
    "held by require-approval@object",
  ],
  "the annotation of a Deployment": [
    "agent",
    touched("/apis/apps/v1/namespaces/prod/deployments/guarded"),
    "denied by deny@object",
  ],
  "the annotation of a Deployment that is scaled": [
    "agent",
    {
      method: "PATCH",
      path: "/apis/apps/v1/namespaces/prod/deployments/guarded/scale",
      body: { spec: { replicas: 3 } },
      type: "application/merge-patch+json",
    },
    "denied by deny@object",
  ],
  "the annotation of a Pod": ["agent", touched(`${PROD}/pods/guarded`), "denied by deny@object"],
  "the catalogue, for an agent of the settings": [
    "agent",
    { method: "DELETE", path: PROD },
    "held by namespace-delete,annotated-object",
  ],
  "the catalogue, for an agent of an AgentProfile": [
    "robot",
    { method: "DELETE", path: PROD },
    "held by namespace-delete,annotated-object",
  ],
};

const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  "annotate by label": ["annotate", "namespaces", "-l", "env=prod", "hoop.dev/require-approval-"],
  "label by label": ["label", "namespaces", "-l", "env=prod", "env-"],
  "label of all": ["label", "namespaces", "--all", "--overwrite", "env=other"],
  "annotate of all": [
    "annotate",
    "configmaps",
    "-n",
    "prod",
    "--all",
    "--overwrite",
    "hoop.dev/require-approval=false",
  ],
  "delete by label": ["delete", "serviceaccounts", "-n", "ci", "--all", "--wait=false"],
  "delete of policies": ["delete", "agentpolicies", "--all", "--wait=false"],
  "delete of profiles": ["delete", "agentprofiles", "--all", "--wait=false"],
};

/** Which rule holds or denies, as it is answered; else the code and the answer. */
function bindingIn({ code, text }: Reply): string {
  const { message = "" } = text.startsWith("{") ? (JSON.parse(text) as { message?: string }) : {};
  const held = /HELD, not refused\. .*? rule=(\S+)/.exec(message)?.[1];
  if (held !== undefined) return `held by ${held}`;
  const denied = /denied for agents: .*\(rule (\S+)\)/s.exec(message)?.[1];
  return denied === undefined ? `${code} ${message}` : `denied by ${denied}`;
}

describe("an agent that may do everything cannot be rid of what binds it", () => {
  let bed: Testbed;
  let admin: Caller;
  let callers: Record<Who, Caller>;
  let shipped: Place[];
  let own: Place[];

  before(async function () {
    this.timeout(300_000);
    bed = await startTestbed({ settings: { hold: { maxWaitSeconds: 0 } } });
    await bed.apply(PARAM_KIND);
    await bed.must("human", [
      "wait",
      "--for=condition=Established",
      "crd/bounds.example.com",
      "--timeout=300s",
    ]);
    await bed.apply([...NEEDED, ...SET_UP, ...POLICIES]);
    admin = await asUserOf(bed.kubeconfig("human"));
    const token = await bed.controlPlane.serviceAccountToken("ci", "bot");
    callers = {
      agent: await asUserOf(bed.kubeconfig("agent")),
      robot: await asUserOf(await bed.controlPlane.kubeconfig("robot")),
      bot: await asUserOf(await bed.controlPlane.kubeconfigWithToken("bot", token)),
    };
    shipped = (await installed(bed)).map(placeOf);
    own = [PARAM_KIND, ...SET_UP, ...POLICIES].map(placeOf);
    for (const canary of Object.values(CANARIES)) await untilBinds(canary);
    // Else what is tried on objects of this kind would fail for another reason.
    const bound = { apiVersion: "example.com/v1", kind: "Bound", metadata: { name: "probe" } };
    const tried = () => callers.agent(post("/apis/example.com/v1/bounds?dryRun=All", bound));
    await until("its kinds can be written", async () => (await tried()).code === 201, 240_000);
  });
  after(() => bed?.stop());

  const said = async ([who, call]: Canary): Promise<string> => bindingIn(await callers[who](call));

  /** The API server and Hoop take up what was set up within seconds; what passes before is undone. */
  async function untilBinds(canary: Canary): Promise<void> {
    const [, call, wanted] = canary;
    for (let attempt = 0; ; attempt++) {
      const verdict = await said(canary);
      if (verdict === wanted) return;
      if (attempt > 600) throw new Error(`${verdict} in place of ${wanted}`);
      if (verdict.startsWith("201")) await admin({ method: "DELETE", path: `${call.path}/${nameOf(call)}` });
      await delay(100);
    }
  }

  const nameOf = ({ body }: Call) =>
    typeof body === "object" ? ((body as { metadata?: { name?: string } }).metadata?.name ?? "") : "";

  /** The attempts that changed the object. */
  async function weakened(place: Place, isWanted: (n: number) => boolean): Promise<string[]> {
    const before = JSON.stringify(await standing(admin, place));
    const { code, text } = await admin({ path: place.path });
    expect(code, `${place.path}: ${text}`).to.equal(200);
    for (const [n, { what, call }] of attemptsOn(place, JSON.parse(text)).entries()) {
      if (!isWanted(n)) continue;
      const reply = await callers.agent(call);
      if (reply.code >= 300) continue;
      const after = JSON.stringify(await standing(admin, place));
      if (after !== before) return [`${place.kind} ${place.name}: ${what}: ${reply.code}, ${after}`];
    }
    return [];
  }

  it("by any write of what people set up", async () => {
    const found: string[] = [];
    for (const place of own) found.push(...(await weakened(place, () => true)));
    expect(found).to.deep.equal([]);
  });

  it("by any write of what Hoop is made of", async () => {
    const found: string[] = [];
    // A third of the ways for each object, other ones for the next.
    for (const [at, place] of shipped.entries())
      found.push(...(await weakened(place, (n) => (n + at) % 3 === 0)));
    expect(found).to.deep.equal([]);
  });

  for (const [name, call] of Object.entries(ADDITIONS))
    it(`by ${name}`, async () => {
      const { code, text } = await callers.agent(call);
      expect(code, text).to.be.within(400, 599);
    });

  for (const [name, args] of Object.entries(COMMANDS))
    it(`by kubectl ${name}`, async () => {
      const { code, output } = await bed.kubectl("agent", args);
      expect(code, output).to.equal(1);
    });

  for (const [name, canary] of Object.entries(CANARIES))
    it(`after all of that there is still ${name}`, async () => {
      expect(await said(canary)).to.equal(canary[2]);
    });
});
