/**
 * The API server's own idea of who is an agent: the CEL expressions that choose what it sends us say the same as the
 * code, and what authorization forbids is asked whatever the request.
 */
import { expect } from "chai";
import { credentialOf, type UserInfo } from "#core/admission.ts";
import { AUTHORIZATION_FIELDS, agentMatcher } from "#core/agents.ts";
import { type Attributes, DENIED, PASSED, shown } from "../support/access.ts";
import { until } from "../support/control-plane.ts";
import { IDENTITIES, OWN, SETTINGS } from "../support/identities.ts";
import { clusterScoped, namespaced } from "../support/objects.ts";
import { asUserOf, type Caller } from "../support/raw.ts";
import { user } from "../support/reviews.ts";
import { startTestbed, type Testbed } from "../support/testbed.ts";

/** The headers by which an administrator takes on an identity. */
function impersonation({ username, groups, extra }: UserInfo): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = { "impersonate-user": username };
  if (groups.length > 0) headers["impersonate-group"] = [...groups];
  for (const [key, values] of extra) headers[`impersonate-extra-${encodeURIComponent(key)}`] = [...values];
  return headers;
}

describe("the API server", () => {
  let bed: Testbed;
  let human: Caller;
  const reminders: unknown[] = [];

  before(async () => {
    bed = await startTestbed({
      settings: { agents: SETTINGS },
      onLog: (_level, fields) => "expression" in fields && reminders.push(fields.expression),
    });
    human = await asUserOf(bed.kubeconfig("human"));
    const group = (name: string) => ({ apiGroup: "rbac.authorization.k8s.io", kind: "Group", name });
    await bed.apply(
      clusterScoped("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "everybody", {
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
        subjects: ["system:authenticated", "system:unauthenticated"].map(group),
      }),
    );
    // The API server takes up a binding and a policy a moment after they were written.
    await until("everybody may write", async () => (await dryRun(user("anybody"))).code === 201);
    await until("the settings' agents are stamped", () => isSent(user("anybody", ["bots"])));
  });

  after(() => bed?.stop());

  it("must be told of other agents than the default ones in its own file, which Hoop says", () => {
    const expression = agentMatcher(SETTINGS, OWN).expression(AUTHORIZATION_FIELDS);
    expect(reminders).to.deep.equal([expression]);
  });

  const dryRun = (who: UserInfo) =>
    human({
      method: "POST",
      path: "/api/v1/namespaces/demo/configmaps?dryRun=All",
      body: namespaced("v1", "ConfigMap", "probe"),
      headers: impersonation(who),
    });

  /** Whether the write of this user is sent to us: then it comes back with our stamp. */
  async function isSent(who: UserInfo): Promise<boolean> {
    const { code, text } = await dryRun(who);
    expect(code, text).to.equal(201);
    return text.includes('"hoop.dev/agent"');
  }

  describe("sends us the writes of agents, and of nobody else: who", () => {
    const matcher = agentMatcher(SETTINGS, OWN);
    for (const [name, [who, kind]] of Object.entries(IDENTITIES))
      it(name, async () => {
        expect(matcher.identify(who).kind).to.equal(kind);
        expect(await isSent(who)).to.equal(kind === "agent");
      });

    it("has no name at all", async () => {
      const anonymous = { username: "system:anonymous", uid: "", groups: [], extra: new Map() };
      expect(await isSent(anonymous)).to.equal(false);
    });
  });

  async function review(attributes: Attributes, groups: string[]) {
    const { text } = await human({
      method: "POST",
      path: "/apis/authorization.k8s.io/v1/subjectaccessreviews",
      body: {
        apiVersion: "authorization.k8s.io/v1",
        kind: "SubjectAccessReview",
        spec: { user: "bot", groups, resourceAttributes: { ...attributes, version: "*" } },
      },
    });
    return (JSON.parse(text) as { status: { allowed: boolean; denied?: boolean; reason?: string } }).status;
  }

  for (const [rule, requests] of Object.entries(DENIED))
    it(`denies agents, whatever RBAC says, by ${rule}`, async () => {
      for (const attributes of requests) {
        const status = await review(attributes, ["hoop:agents"]);
        expect(status.reason, shown(attributes)).to.contain(`(rule ${rule})`);
        expect(status).to.include({ allowed: false, denied: true });
      }
    });

  it("leaves the rest of what agents ask to RBAC", async () => {
    for (const attributes of PASSED)
      expect((await review(attributes, ["hoop:agents"])).allowed, shown(attributes)).to.equal(true);
  });

  it("asks us nothing about anybody else", async () => {
    for (const attributes of Object.values(DENIED).flat())
      expect((await review(attributes, ["people"])).denied ?? false).to.equal(false);
  });

  it("tells us the very credential, by which a re-admission is known", async () => {
    const agent = await asUserOf(bed.kubeconfig("agent"));
    await agent({
      method: "POST",
      path: "/api/v1/namespaces/demo/configmaps",
      body: namespaced("v1", "ConfigMap", "credential"),
    });
    const records = (await bed.records()) as {
      agent: { credentialID?: string };
      target: { name?: string };
    }[];
    const record = records.find(({ target }) => target.name === "credential");
    expect(record?.agent.credentialID).to.match(/^X509SHA256=/);
    expect(credentialOf({ username: "", uid: "", groups: [], extra: new Map() })).to.equal("");
  });
});
