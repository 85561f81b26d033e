/**
 * None is missed: each verb on each resource that discovery knows is given to an agent of its own, alone. Whoever gets
 * a Secret's value, or a token, out of anything the API server answers must be named by doctor, with that very rule.
 */
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "chai";
import { type Client, connect } from "#cluster/client.ts";
import { doctorProbe } from "#cluster/doctor-probe.ts";
import { examine } from "#core/doctor/examine.ts";
import { gathered } from "#core/doctor/facts.ts";
import { namedAgent } from "#core/doctor/identities.ts";
import { until } from "../support/control-plane.ts";
import { SEEDED, VALUE } from "../support/doctor-ways.ts";
import { asUserOf, type Call, type Caller, type Reply } from "../support/raw.ts";
import { startTestbed, type Testbed } from "../support/testbed.ts";

const VERBS = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"] as const;
/** Admission is not asked about these. */
const READS: readonly Verb[] = ["get", "list", "watch"];
type Verb = (typeof VERBS)[number];
const GROUP = "rbac.authorization.k8s.io";
const RBAC = `/apis/${GROUP}/v1`;
const TOKEN = /"token": ?"ey|BEGIN (RSA |EC )?PRIVATE KEY/;
const AT_ONCE = 8;

/** One right, and who alone has it. */
interface Right {
  user: string;
  verb: Verb;
  group: string;
  resource: string;
  /** Of an object, or of a subresource of one. */
  object: string;
  collection: string;
  isSubresource: boolean;
}

const dry = (path: string, more = "") => `${path}${path.includes("?") ? "&" : "?"}dryRun=All${more}`;
const BODY = { metadata: { name: "db", namespace: "demo" } };
const SECRET = { apiVersion: "v1", kind: "Secret", ...BODY };
const JSON_PATCH = "application/json-patch+json";

/** Everything this verb can be used for that is only tried, or harmless. */
const CALLS: Readonly<Record<Verb, (right: Right) => Call[]>> = {
  get: ({ object }) => [
    { path: object },
    { path: object, accept: "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1" },
    { path: `${object}?pretty=1`, accept: "application/yaml" },
    { path: object, accept: "application/json;as=Table;g=meta.k8s.io;v=v1" },
  ],
  list: ({ collection }) => [
    { path: collection },
    { path: collection, accept: "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1" },
    { path: `${collection}?includeObject=Object`, accept: "application/json;as=Table;g=meta.k8s.io;v=v1" },
  ],
  watch: ({ collection }) => [{ path: `${collection}?watch=true&timeoutSeconds=1` }],
  create: ({ object, collection, isSubresource }) => [
    { method: "POST", path: dry(isSubresource ? object : collection), body: {} },
    { method: "POST", path: isSubresource ? object : dry(collection), body: isSubresource ? {} : SECRET },
  ],
  update: ({ object }) => [
    { method: "PUT", path: dry(object), body: SECRET },
    { method: "PUT", path: dry(object), body: { ...SECRET, type: "other" } },
    { method: "PUT", path: dry(object), body: { ...SECRET, data: "no" } },
  ],
  patch: ({ object }) => [
    { method: "PATCH", path: dry(object), type: "application/merge-patch+json", body: {} },
    { method: "PATCH", path: dry(object), type: "application/strategic-merge-patch+json", body: {} },
    {
      method: "PATCH",
      path: dry(object, "&fieldManager=x"),
      type: "application/apply-patch+yaml",
      body: SECRET,
    },
    {
      method: "PATCH",
      path: dry(object),
      type: JSON_PATCH,
      body: [{ op: "copy", from: "/data/password", path: "/metadata/labels" }],
    },
  ],
  delete: ({ object }) => [
    { method: "DELETE", path: dry(object) },
    { method: "DELETE", path: dry(object, "&propagationPolicy=Foreground") },
    { method: "DELETE", path: dry(object, "&propagationPolicy=Orphan") },
  ],
  deletecollection: ({ collection }) => [{ method: "DELETE", path: dry(collection) }],
};

describe("doctor names whoever gets a Secret's value by a single right", () => {
  let bed: Testbed;
  let client: Client;
  let admin: Caller;
  let rights: Right[];

  before(async () => {
    bed = await startTestbed({ configured: false, settings: { hold: { maxWaitSeconds: 0 } } });
    client = connect(bed.kubeconfig("human"));
    admin = await asUserOf(bed.kubeconfig("human"));
    await bed.must("human", ["delete", "clusterrolebinding", "tour-agents"]);
    const metadata = (name: string) => ({ name, namespace: "demo" });
    await bed.apply([
      { apiVersion: "v1", kind: "Secret", metadata: metadata("db"), stringData: { password: VALUE } },
      { apiVersion: "v1", kind: "ServiceAccount", metadata: metadata("db") },
    ]);
    rights = await everyRight(client);
    await eachOf(rights, give);
    const last = rights.at(-1);
    await until("all of it is in force", async () => last !== undefined && (await mayAll(rights)));
  });
  after(async () => {
    await client?.close();
    await bed?.stop();
  });

  async function give({ user: name, verb, group, resource }: Right): Promise<void> {
    const metadata = { name };
    const rules = [{ apiGroups: [group], resources: [resource], verbs: [verb] }];
    await posted("clusterroles", { metadata, rules });
    const roleRef = { apiGroup: GROUP, kind: "ClusterRole", name };
    await posted("clusterrolebindings", {
      metadata,
      roleRef,
      subjects: [{ apiGroup: GROUP, kind: "User", name }],
    });
  }
  const posted = (kind: string, body: object) =>
    client.request({ method: "POST", path: `${RBAC}/${kind}`, body });

  /** The last few stand for all: what is written in order arrives in order. */
  async function mayAll(all: readonly Right[]): Promise<boolean> {
    const questions = all.slice(-AT_ONCE * 2).map(({ user, verb, group, resource: full }) => {
      const [resource = "", subresource] = full.split("/");
      const more = subresource === undefined ? {} : { subresource };
      return { user, groups: [], resourceAttributes: { verb, group, resource, ...more } };
    });
    return (await doctorProbe(client).ask(questions)).every(({ allowed }) => allowed);
  }

  /** As that agent: the administrator impersonates it, and then nothing is left of the administrator. */
  async function harvests(right: Right): Promise<boolean> {
    const headers = { "impersonate-user": right.user, "impersonate-group": "hoop:agents" };
    for (const call of CALLS[right.verb](right)) {
      const { text } = await served({ ...call, headers });
      if (SEEDED.some((value) => text.includes(value)) || TOKEN.test(text)) return true;
    }
    return false;
  }

  /** Agents have few seats of their own: to be sent away for that tells nothing. */
  async function served(call: Call): Promise<Reply> {
    for (;;) {
      const reply = await admin(call);
      if (reply.code !== 429) return reply;
      await delay(200);
    }
  }

  async function harvesters(among: readonly Right[]): Promise<Right[]> {
    const found: Right[] = [];
    await eachOf(among, async (right) => {
      if (await harvests(right)) found.push(right);
    });
    return found;
  }

  /** By the name of each: how severe the findings are that name the one rule it has. */
  async function severities(some: readonly Right[]): Promise<Record<string, string[]>> {
    const { findings } = await examine(
      doctorProbe(client),
      some.map(({ user }) => namedAgent(user, ["hoop:agents"])),
    );
    return Object.fromEntries(
      some.map((right) => [
        wordsOf(right),
        findings
          .filter(
            ({ agents, openings }) =>
              agents.includes(right.user) &&
              openings.some(({ grant }) => grant?.role.name === right.user && grant.ruleIndex === 0),
          )
          .map(({ severity }) => severity),
      ]),
    );
  }

  const severe = (list: readonly string[]) => list.some((one) => one === "critical" || one === "high");

  it("while admission judges: each as severe", async () => {
    expect(rights.length).to.be.greaterThan(300);
    const found = await harvesters(rights);
    const named = await severities(found);
    expect(Object.keys(named)).to.include.members([
      "get secrets",
      "list secrets",
      "watch secrets",
      "patch secrets",
    ]);
    expect(Object.entries(named).filter(([, list]) => !severe(list))).to.deep.equal([]);
  });

  it("where nothing judges: each as severe, and there are more", async () => {
    await bed.must("human", ["delete", "validatingwebhookconfiguration", "hoop"]);
    const tries = rights.filter(
      ({ verb, resource }) => resource === "secrets" && verb === "deletecollection",
    );
    await until("admission is gone", async () => (await Promise.all(tries.map(harvests))).every(Boolean));
    const found = await harvesters(rights.filter(({ verb }) => !READS.includes(verb)));
    const named = await severities(found);
    expect(Object.keys(named)).to.include.members([
      ...["patch secrets", "delete secrets", "deletecollection secrets", "create serviceaccounts/token"],
    ]);
    expect(Object.entries(named).filter(([, list]) => !severe(list))).to.deep.equal([]);
  });
});

function wordsOf({ verb, resource }: Right): string {
  return `${verb} ${resource}`;
}

async function everyRight(client: Client): Promise<Right[]> {
  const { served } = await gathered(doctorProbe(client));
  const { groups } = await client.request<{
    groups: { name: string; preferredVersion: { groupVersion: string } }[];
  }>({ path: "/apis" });
  const versions = new Map(
    groups.map(({ name, preferredVersion }) => [name, `/apis/${preferredVersion.groupVersion}`]),
  );
  const root = (group: string) => (group === "" ? "/api/v1" : (versions.get(group) ?? ""));
  const rights = served.flatMap(({ group, resource: full, namespaced }) => {
    const [resource = "", subresource] = full.split("/");
    const collection = `${root(group)}${namespaced ? "/namespaces/demo" : ""}/${resource}`;
    const object = `${collection}/db${subresource === undefined ? "" : `/${subresource}`}`;
    // Its own verbs are not believed: RBAC gives others as well.
    return VERBS.map((verb) => ({
      verb,
      group,
      resource: full,
      object,
      collection,
      isSubresource: subresource !== undefined,
    }));
  });
  return rights.map((right, at) => ({ ...right, user: `right-${at}` }));
}

async function eachOf<T>(list: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  const waiting = list.values();
  const worker = async () => {
    for (const item of waiting) await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
