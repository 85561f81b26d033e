/** Who stamped it makes no difference: the API server by policy, or Hoop by webhook. The same writes, done both ways. */
import { expect } from "chai";
import { localManifests, type StampBy, stampWay } from "../../local/manifests.ts";
import { until } from "../support/control-plane.ts";
import { asUserOf, type Caller, type Reply } from "../support/raw.ts";
import { begin, profiled } from "../support/session.ts";
import {
  CASES,
  type Case,
  CONFIG_MAPS,
  configMap,
  type Json,
  LENIENT,
  NAMES,
  type Step,
  type Who,
  WIDGET_KIND,
  WIDGETS,
  widget,
} from "../support/stamp-cases.ts";
import { startTestbed, type Testbed } from "../support/testbed.ts";

interface Result {
  code: number;
  object: Json;
  /** The resourceVersion is the one before. */
  unchanged: boolean;
}

/** What the session may; of a kind that is not known it would be told nothing. */
const MAY = [
  { apiGroups: [""], resources: ["configmaps"], verbs: ["*"] },
  { apiGroups: ["apps"], resources: ["deployments"], verbs: ["*"] },
  { apiGroups: ["example.com"], resources: ["widgets"], verbs: ["*"] },
];

/** Of no session at all, or of one without its uid. */
const FORGED: readonly Record<string, string>[] = [
  { agent: "boss" },
  { agent: "boss", session: "demo/none", "session-uid": "0b9c", profile: "bot" },
];

describe("provenance stamps", () => {
  const results: Record<StampBy, Map<string, Result>> = { policy: new Map(), webhook: new Map() };
  const forged: Record<StampBy, string[]> = { policy: [], webhook: [] };
  let bed: Testbed;
  const callers = new Map<Who, Caller>();

  before(async function () {
    this.timeout(600_000);
    // By its name alone, in no group of agents: so only if Hoop tells the API server who is one.
    bed = await startTestbed({ settings: { agents: { users: ["other"] } } });
    await bed.must("human", [
      "create",
      "clusterrolebinding",
      "o",
      "--clusterrole=cluster-admin",
      "--user=other",
    ]);
    const other = await bed.controlPlane.kubeconfig("other");
    for (const who of ["agent", "human"] as const) callers.set(who, await asUserOf(bed.kubeconfig(who)));
    callers.set("other", await asUserOf(other));
    await bed.apply([WIDGET_KIND, LENIENT, ...profiled("bot", {}, MAY)]);
    const bot = { kubeconfig: await bed.controlPlane.kubeconfig("bot") };
    const token = await bed.controlPlane.serviceAccountToken("work", "bot");
    callers.set("account", await asUserOf(await bed.controlPlane.kubeconfigWithToken("account", token)));
    const { path } = await begin(bed, bot, { profile: "bot" });
    const direct = await asUserOf(bot.kubeconfig);
    callers.set("inside", (given) => direct({ ...given, path: path + given.path }));
    await bed.must("human", ["wait", "agentpolicy/lenient", "--for=condition=Ready", "--timeout=120s"]);
    await untilStamped(true);
    await runAll("policy");
    await bed.must("human", ["delete", "mutatingadmissionpolicy,mutatingadmissionpolicybinding", "hoop"]);
    await untilStamped(false);
    await bed.apply(await webhookRegistration());
    await untilStamped(true);
    await runAll("webhook");
  });

  after(() => bed?.stop());

  const call = (who: Who, given: Parameters<Caller>[0]): Promise<Reply> => {
    const caller = callers.get(who);
    if (caller === undefined) throw new Error(`nobody is ${who}`);
    return caller(given);
  };

  /** The API server takes up what is registered a moment later; of a new kind it learns within seconds. */
  async function untilStamped(wanted: boolean): Promise<void> {
    const probes = { [CONFIG_MAPS]: configMap("probe"), [WIDGETS]: widget("probe", {}) };
    for (const [who, name] of entriesOf(NAMES))
      for (const [where, body] of Object.entries(probes)) {
        const path = `${where.replace("NS", "demo")}?dryRun=All`;
        let last = "";
        await until(`what ${who} makes is ${wanted ? "" : "not "}stamped`, async () => {
          const { code, text } = await call(who, { method: "POST", path, body });
          last = text;
          return code === 201 && text.includes(`"hoop.dev/agent":"${name}"`) === wanted;
        }).catch((cause: unknown) => {
          throw new Error(`the last answer was ${last}`, { cause });
        });
      }
  }

  async function webhookRegistration(): Promise<object[]> {
    const manifests = await localManifests(
      { api: bed.apiPort, webhook: bed.webhookPort },
      { stampBy: "webhook" },
    );
    const { items } = JSON.parse(manifests) as { items: { kind: string }[] };
    return items.filter(({ kind }) => kind === "MutatingWebhookConfiguration");
  }

  async function runAll(way: StampBy): Promise<void> {
    const namespace = `by-${way}`;
    await bed.controlPlane.createNamespace(namespace);
    for (const [name, one] of Object.entries(CASES)) results[way].set(name, await run(one, namespace));
    for (const extras of FORGED) {
      const headers = Object.entries(extras).map(([key, value]) => [
        `impersonate-extra-hoop.dev%2F${key}`,
        value,
      ]);
      const { code, text } = await call("human", {
        ...{ method: "POST", path: CONFIG_MAPS.replace("NS", namespace), body: configMap("never") },
        headers: { "impersonate-user": NAMES.account, ...Object.fromEntries(headers) },
      });
      forged[way].push(`${code} ${text.includes("no-such-session")}`);
    }
  }

  async function run({ given = [], does, of }: Case, namespace: string): Promise<Result> {
    const where = (path: string) =>
      (path.startsWith("/") ? path : `/api/v1/namespaces/NS/${path}`).replaceAll("NS", namespace);
    const perform = ({ who, method, path, body, type }: Step) => {
      const text = JSON.stringify(body)
        .replaceAll("NS-", `${namespace}-`)
        .replaceAll(/"(\d+)n"/g, "$1");
      return call(who, { method, path: where(path), body: text, ...(type === undefined ? {} : { type }) });
    };
    let before: Json | undefined;
    for (const step of given) before = parsed(await perform(step));
    const reply = await perform(does);
    const said = parsed(reply);
    const found = of === undefined ? said : parsed(await call("human", { path: where(of) }));
    const unchanged = before !== undefined && versionOf(before) === versionOf(found);
    return { code: reply.code, object: normalized(found, namespace), unchanged };
  }

  for (const [name, { stamps, unchanged }] of Object.entries(CASES))
    it(`${name}: ${described(stamps)}, by policy as by webhook`, () => {
      for (const way of ["policy", "webhook"] as const) {
        const result = results[way].get(name);
        expect(result?.code, JSON.stringify(result?.object)).to.be.oneOf([200, 201]);
        expect(stampsOn(result?.object ?? {}), way).to.deep.equal(stamps);
        if (unchanged) expect(result?.unchanged, `the resourceVersion stays, by ${way}`).to.equal(true);
      }
      expect(results.policy.get(name)).to.deep.equal(results.webhook.get(name));
    });

  it("bear no name that somebody says who may impersonate: what he writes is refused", () => {
    const refused = FORGED.map(() => "403 true");
    expect(forged).to.deep.equal({ policy: refused, webhook: refused });
  });
});

describe("an API server before 1.36, which has no such policies", () => {
  const warnings: string[] = [];
  let bed: Testbed;

  before(async () => {
    bed = await startTestbed({
      stampBy: "webhook",
      // It then serves no API that came later, and has its features as they were.
      controlPlane: { flags: { "emulated-version": "kube=1.35" } },
      onLog: (level, fields, message) => {
        if (level !== "info") warnings.push(`${message} ${JSON.stringify(fields)}`);
      },
    });
  });

  after(() => bed?.stop());

  it("is known by its discovery", async () => {
    const path = "/apis/admissionregistration.k8s.io/v1";
    expect(stampWay(await bed.must("human", ["get", "--raw", path]))).to.equal("webhook");
  });

  it("asks Hoop's webhook instead, and Hoop complains of nothing but once", async () => {
    await until("an agent's objects are stamped", async () => {
      const args = ["create", "configmap", "c", "-n", "demo", "--dry-run=server", "-o", "yaml"];
      return (await bed.kubectl("agent", args)).output.includes("hoop.dev/agent: agent");
    });
    expect(warnings.filter((warning) => warning.includes("mutatingadmissionpolicies"))).to.have.lengthOf(1);
    expect(warnings.filter((warning) => warning.includes("not as it should be"))).to.deep.equal([]);
  });
});

function entriesOf<K extends string, V>(table: Readonly<Record<K, V>>): [K, V][] {
  return Object.entries(table) as [K, V][];
}

function described({ object, template }: Case["stamps"]): string {
  if (object === undefined && template === undefined) return "not stamped";
  const both = template === undefined ? "the object" : "the object and its pod template";
  return object === (template ?? object)
    ? `${object} is on ${both}`
    : `${object} is on it, ${template} on its template`;
}

function parsed({ code, text }: Reply): Json {
  const body = JSON.parse(text) as Json;
  if (code >= 400) throw new Error(`${code}: ${text}`);
  return body;
}

function at(value: unknown, ...path: string[]): unknown {
  return path.reduce<unknown>((found, key) => (found as Json | undefined)?.[key], value);
}

function versionOf(found: Json): unknown {
  return at(found, "metadata", "resourceVersion");
}

/** `hoop.dev/agent` on the object, and on the pod template wherever it lies. */
function stampsOn(found: Json): Case["stamps"] {
  const templates = [
    ["template"],
    ["spec", "template"],
    ["spec", "jobTemplate", "spec", "template"],
    ["data", "spec", "template"],
  ];
  const annotation = (...path: string[]) =>
    at(found, ...path, "metadata", "annotations", "hoop.dev/agent") as string | undefined;
  const object = annotation();
  const template = templates.map((path) => annotation(...path)).find((name) => name !== undefined);
  return { ...(object === undefined ? {} : { object }), ...(template === undefined ? {} : { template }) };
}

const VOLATILE = new Set(["resourceVersion", "creationTimestamp", "time", "clusterIP", "clusterIPs"]);

function byManager(entries: readonly Json[]): Json[] {
  const key = ({ manager, operation, subresource }: Json) =>
    JSON.stringify([manager, operation, subresource]);
  return entries.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
}

/**
 * Without what is another each time: uid, versions, times, generated names and addresses; and managedFields in an
 * order of its own, since the API server sorts them by their times, in seconds.
 */
function normalized(found: Json, namespace: string): Json {
  const uid = String(at(found, "metadata", "uid"));
  const name = String(at(found, "metadata", "name"));
  const base = at(found, "metadata", "generateName");
  const text = JSON.stringify(found, (key, value: unknown) =>
    VOLATILE.has(key) ? undefined : key === "managedFields" ? byManager(value as Json[]) : value,
  );
  const stable = text.replaceAll(uid, "UID").replaceAll(namespace, "NS");
  return JSON.parse(base === undefined ? stable : stable.replaceAll(name, `${base}X`)) as Json;
}
