/**
 * A cluster whose API server's flags are not ours: RBAC (deploy/components/agent-rbac) keeps an agent from what admission
 * cannot see, Hoop's admission from the rest; and the role is Kubernetes' own `edit` in everything else.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { parse } from "yaml";
import { type Attributes, asked, DENIED, shown } from "../support/access.ts";
import { given } from "../support/closed.ts";
import { namespaced } from "../support/objects.ts";
import { asUserOf, type Call, type Caller, verdictOf } from "../support/raw.ts";
import { startTestbed, type Testbed } from "../support/testbed.ts";

interface Rule {
  apiGroups: string[];
  resources: string[];
  verbs: string[];
}

const ROLE = join(import.meta.dirname, "..", "..", "deploy", "components", "agent-rbac", "agent-work.yaml");
const DEMO = "/api/v1/namespaces/demo";
const READS = ["get", "list", "watch"];

/** `VERB GROUP/RESOURCE`, one for each right. */
const rights = (rules: readonly Rule[]): string[] => [
  ...new Set(
    rules.flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((resource) => verbs.map((verb) => `${verb} ${group}/${resource}`)),
      ),
    ),
  ),
];

/** The rights in `edit` that are ways to a Secret's value, and those to APIs that are no more. */
function isWay(right: string): boolean {
  const [verb = "", resource = ""] = right.split(" ");
  if (resource === "/secrets") return verb !== "create" && verb !== "delete";
  return (
    verb === "impersonate" ||
    ["/serviceaccounts/token", "/pods/proxy", "/services/proxy"].includes(resource) ||
    resource.startsWith("extensions/")
  );
}

/** By RBAC, which has no opinion on who may: the words of the API server. */
const RBAC_SAYS = /User \\?"worker\\?" cannot/;
const post = (path: string, body: object): Call => ({ method: "POST", path, body });
const TOKEN = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: {} };
const META = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io";
const TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io";

const WAYS: Readonly<Record<string, Call>> = {
  "a get": { path: `${DEMO}/secrets/db` },
  "a list as a Table": { path: `${DEMO}/secrets?includeObject=Object`, accept: TABLE },
  "a get of the metadata": { path: `${DEMO}/secrets/db`, accept: META },
  "a watch": { path: `${DEMO}/secrets?watch=1&timeoutSeconds=1` },
  "a list of all namespaces as YAML": { path: "/api/v1/secrets", accept: "application/yaml" },
  "an empty patch": {
    method: "PATCH",
    path: `${DEMO}/secrets/db`,
    type: "application/merge-patch+json",
    body: {},
  },
  "a JSON patch that cannot be applied": {
    method: "PATCH",
    path: `${DEMO}/secrets/db`,
    type: "application/json-patch+json",
    body: [{ op: "copy", from: "/data/password", path: "/metadata/deletionTimestamp" }],
  },
  "a deletion of all, as a dry run": { method: "DELETE", path: `${DEMO}/secrets?dryRun=All` },
  "a token of a ServiceAccount": post(`${DEMO}/serviceaccounts/strong/token`, TOKEN),
  "impersonation of a ServiceAccount": {
    path: `${DEMO}/secrets/db`,
    headers: { "impersonate-user": "system:serviceaccount:demo:strong" },
  },
  "impersonation of a person": { path: `${DEMO}/secrets/db`, headers: { "impersonate-user": "admin" } },
  "impersonation of a node": {
    path: `${DEMO}/secrets/db`,
    headers: { "impersonate-user": "system:node:node-1" },
  },
  "a Service's proxy": { path: `${DEMO}/services/web/proxy/` },
  "a pod's proxy": { path: `${DEMO}/pods/plain/proxy/` },
  "a kubelet": { path: "/api/v1/nodes/node-1/proxy/pods" },
  "the removal of Hoop's registration": {
    method: "DELETE",
    path: "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/hoop",
  },
};

describe("an agent bound to hoop-agent-work, without Hoop's authorization", () => {
  let bed: Testbed;
  let worker: Caller;
  let role: { rules: Rule[] };

  before(async () => {
    bed = await startTestbed({ configured: false, settings: { hold: { maxWaitSeconds: 0 } } });
    role = parse(await readFile(ROLE, "utf8")) as { rules: Rule[] };
    const subjects = [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "worker" }];
    const bound = (kind: string, name: string) => ({
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind,
      metadata: { name, ...(kind === "RoleBinding" && { namespace: "demo" }) },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name },
      subjects,
    });
    await bed.must("human", ["delete", "clusterrolebinding", "tour-agents"]);
    await bed.apply([
      role,
      bound("RoleBinding", "hoop-agent-work"),
      bound("ClusterRoleBinding", "hoop-agent"),
    ]);
    await bed.apply(given());
    worker = await asUserOf(await bed.controlPlane.kubeconfig("worker", ["hoop:agents"]));
  });

  after(() => bed?.stop());

  it("may do what edit may, but for the ways to a Secret", async () => {
    const roles = await Promise.all(
      ["system:aggregate-to-edit", "system:aggregate-to-view"].map(
        async (name) =>
          JSON.parse(await bed.must("human", ["get", "clusterrole", name, "-o", "json"])) as {
            rules: Rule[];
          },
      ),
    );
    const edit = rights(roles.flatMap(({ rules }) => rules));
    expect(edit.filter(isWay)).to.include.members(["get /secrets", "impersonate /serviceaccounts"]);
    const own = rights(role.rules).filter((right) => !right.includes(" hoop.dev/"));
    expect(own).to.have.members(edit.filter((right) => !isWay(right)));
  });

  for (const [how, call] of Object.entries(WAYS))
    it(`is refused by RBAC ${how}`, async () => {
      const { code, text } = await worker(call);
      expect(text).to.match(RBAC_SAYS).and.not.contain("hunter2").and.not.contain("aHVudGVyMg");
      expect(code).to.equal(403);
    });

  /** Whether the API server would let it. */
  async function may(attributes: Attributes): Promise<boolean> {
    const review = {
      apiVersion: "authorization.k8s.io/v1",
      kind: "SubjectAccessReview",
      spec: { user: "worker", groups: ["hoop:agents"], resourceAttributes: attributes },
    };
    const human = await asUserOf(bed.kubeconfig("human"));
    const { text } = await human(post("/apis/authorization.k8s.io/v1/subjectaccessreviews", review));
    return (JSON.parse(text) as { status: { allowed: boolean } }).status.allowed;
  }

  it("is refused by RBAC whatever Hoop's authorization would deny", async () => {
    // What Hoop itself serves it judges itself.
    const elsewhere = Object.values(DENIED)
      .flat()
      .filter(({ resource }) => resource !== "secure-secrets");
    for (const attributes of elsewhere) expect(await may(attributes), shown(attributes)).to.equal(false);
  });

  it("works: what it makes is admitted, what is risky is held", async () => {
    const made = await worker(post(`${DEMO}/configmaps`, namespaced("v1", "ConfigMap", "mine")));
    expect(made.code, made.text).to.equal(201);
    const exec = { method: "POST", path: `${DEMO}/pods/plain/exec?command=env&stdout=true` };
    expect(verdictOf(await worker(exec))).to.equal("held by pod-connect");
    const created = post(`${DEMO}/secrets`, namespaced("v1", "Secret", "new"));
    expect(verdictOf(await worker(created))).to.equal("held by secret-create");
    const unsafe = { method: "DELETE", path: `${DEMO}/secrets/db?propagationPolicy=Foreground` };
    expect(verdictOf(await worker(unsafe))).to.equal("denied by secret-unsafe-delete");
  });

  it("may work with secure-secrets, and ask for the value of a key", async () => {
    for (const verb of [...READS, "create", "update", "patch"])
      expect(await may(asked(verb, "hoop.dev/secure-secrets")), verb).to.equal(true);
    expect(await may(asked("create", "hoop.dev/secure-secrets/reveal"))).to.equal(true);
    expect(await may(asked("delete", "hoop.dev/secure-secrets"))).to.equal(false);
  });
});
