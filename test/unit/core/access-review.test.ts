/** What a review makes of entries and of RBAC. */
import { expect } from "chai";
import { Gathering } from "#core/access-review/gather.ts";
import { runWords } from "#core/access-review/review.ts";
import { given, rightsOf } from "#core/access-review/rights.ts";
import type { JsonObject } from "#core/admission.ts";
import type { Policy } from "#core/doctor/rbac.ts";

const BOT = "system:serviceaccount:ci:bot";
const at = (minute: number) => `2026-11-21T10:${String(minute).padStart(2, "0")}:00.000000Z`;
const target = (resource: string, namespace = "shop", more = {}) => ({
  ...{ group: "apps", version: "v1", resource, kind: "X", namespace, name: "web" },
  ...more,
});

function admission(minute: number, more: JsonObject): JsonObject {
  return {
    schema: "hoop.dev/admission/v3",
    kind: "admission",
    time: at(minute),
    agent: { username: BOT, groups: ["hoop:agents"] },
    operation: "UPDATE",
    target: target("deployments"),
    dryRun: false,
    effect: "open",
    verdict: "allow",
    rules: [],
    answer: "allowed",
    ...more,
  };
}

const denied = {
  answer: "denied",
  effect: "none",
  verdict: "deny",
  rules: [{ name: "no-prod", message: "m" }],
};
const request = (minute: number, more: JsonObject): JsonObject => ({
  ...{
    kind: "request",
    time: at(minute),
    agent: { username: BOT, groups: [] },
    auditID: "a",
    stage: "ResponseComplete",
  },
  ...{
    verb: "list",
    uri: "/api/v1/pods?limit=1",
    target: { group: "", version: "v1", resource: "pods" },
    code: 200,
  },
  ...more,
});
const approval = (minute: number, event: string, more: JsonObject = {}): JsonObject => ({
  ...{ kind: "approval", time: at(minute), event, approval: { namespace: "shop", name: "delete-web" } },
  ...{ agent: { username: BOT, groups: [] }, operation: "DELETE", target: target("deployments"), ...more },
});
const use = (minute: number, answer: string, how: string) =>
  admission(minute, {
    ...{ operation: "DELETE", answer, verdict: "hold", effect: answer === "allowed" ? "open" : "none" },
    approval: { namespace: "shop", name: "delete-web", use: how },
  });

function gathering(entries: readonly JsonObject[], since = "", until = ""): Gathering {
  const gathered = new Gathering({ since, until }, (name) => name === BOT);
  for (const [index, entry] of entries.entries()) gathered.add(index, entry);
  return gathered;
}

describe("an access review", () => {
  it("counts what was used, by verb, resource and namespace, with the records", () => {
    const { used } = gathering([
      admission(1, {}),
      admission(2, {}),
      admission(3, { target: target("deployments", "other") }),
      admission(4, { agent: { username: "other", groups: [] } }),
      admission(5, denied),
      admission(6, { dryRun: true }),
    ]).of(BOT);
    expect(used).to.have.length(2);
    expect(used[1]).to.deep.include({
      ...{ verb: "update", group: "apps", resource: "deployments", namespace: "shop", count: 3 },
      ...{ allowed: 2, denied: 1, first: at(1), last: at(5), newest: 4 },
    });
    expect(runWords(used[1]?.records ?? [])).to.equal("0-1 4");
  });

  it("looks at its time only, but for what was in force before", () => {
    const configuration = (minute: number, rules: string[]): JsonObject => ({
      ...{ kind: "configuration", time: at(minute), version: "v1", agents: String(minute < 4), rules },
      policies: [{ name: "p", digest: String(minute) }],
      profiles: [{ name: "deployer", digest: String(minute) }],
    });
    const gathered = gathering(
      [
        configuration(1, ["a", "b"]),
        admission(2, {}),
        admission(3, {}),
        configuration(4, ["b", "c"]),
        admission(5, {}),
      ],
      at(3),
      at(5),
    );
    expect(gathered.of(BOT)).to.deep.include({ entries: 1 });
    expect(gathered.configurations).to.deep.equal([
      {
        index: 3,
        time: at(4),
        says: "Hoop v1; added: c; removed: a; changed: policy p, profile deployer; agents are now: false",
      },
    ]);
    expect(gathered.begins).to.equal(at(1));
  });

  it("tells what was let through and failed elsewhere, and what is not known", () => {
    const outcome = (of: number, result: string): JsonObject => ({
      kind: "outcome",
      time: at(9),
      of,
      result,
    });
    const { used } = gathering([
      admission(1, {}),
      admission(1, {}),
      admission(1, {}),
      outcome(0, "refused"),
      outcome(1, "took-effect"),
      outcome(2, "cannot-tell"),
    ]).of(BOT);
    expect(used[0]).to.deep.include({ count: 3, allowed: 3, refused: 1, unknown: 1 });
  });

  it("tells the story of each approval: held, decided by whom, used", () => {
    const { held } = gathering([
      approval(1, "created"),
      use(1, "held", "waiting"),
      use(2, "held", "waiting"),
      approval(3, "decided", { decision: { user: "bob", verdict: "Approve", comment: "CHG-1" } }),
      use(4, "allowed", "spent"),
    ]).of(BOT);
    expect(held).to.have.length(1);
    expect(held[0]).to.deep.include({ approval: "shop/delete-web", target: "deployments.apps shop/web" });
    expect(held[0]?.steps).to.deep.equal([
      { index: 0, time: at(1), event: "created" },
      { index: 1, time: at(1), event: "waiting" },
      { index: 3, time: at(3), event: "decided", user: "bob", verdict: "Approve", comment: "CHG-1" },
      { index: 4, time: at(4), event: "spent" },
    ]);
  });

  it("tells what was denied, by which rules, or by the API server", () => {
    const found = gathering([
      admission(1, denied),
      admission(2, denied),
      request(3, { code: 403 }),
      request(4, { target: {}, uri: "/metrics?x=1", verb: "get", code: 403 }),
      request(5, {
        code: 403,
        message: 'users "b" is forbidden: User "a" cannot x: hoop: agents do not (rule impersonation)',
      }),
      request(6, { code: 403, message: 'x "hoop: no (rule fake)" is forbidden: hoop: no (rule fake)"' }),
    ]).of(BOT).denied;
    expect(found.map(({ resource, rules, count }) => ({ resource, rules, count }))).to.deep.equal([
      { resource: "/metrics", rules: ["(the API server)"], count: 1 },
      { resource: "pods", rules: ["(the API server)"], count: 2 },
      { resource: "pods", rules: ["impersonation"], count: 1 },
      { resource: "deployments", rules: ["no-prod"], count: 2 },
    ]);
  });

  it("counts a request once, however it is told", () => {
    const gathered = gathering([
      request(1, { auditID: "w", verb: "watch", stage: "ResponseStarted" }),
      request(2, { auditID: "w", verb: "watch" }),
      request(3, { of: 0, verb: "update" }),
    ]);
    expect(gathered.of(BOT).used.map(({ verb, count }) => [verb, count])).to.deep.equal([["watch", 1]]);
    expect(gathered.readsRecorded).to.equal(true);
  });

  it("counts what waits for one approval as held once, and no try that was told to ask again as allowed", () => {
    const secure = { group: "hoop.dev", resource: "secure-secrets", subresource: "", namespace: "shop" };
    const tried = (minute: number, code: number) =>
      request(minute, { auditID: `s${minute}`, verb: "patch", target: secure, code });
    const { used } = gathering([
      use(1, "held", "waiting"),
      use(2, "held", "waiting"),
      use(3, "allowed", "spent"),
      { ...use(4, "held", "waiting"), approval: { namespace: "shop", name: "another", use: "waiting" } },
      ...[tried(5, 429), tried(6, 429), tried(7, 200), tried(8, 503)],
    ]).of(BOT);
    expect(
      used.map(({ resource, count, allowed, held, refused }) => [resource, count, allowed, held, refused]),
    ).to.deep.equal([
      ["deployments", 4, 1, 2, 0],
      ["secure-secrets", 4, 1, 0, 3],
    ]);
  });

  it("tells what was done in sessions apart, by whose rights, reads among it", () => {
    const ref = { namespace: "shop", name: "s", uid: "u1" };
    const agent = { username: BOT, groups: [] };
    const begun = {
      ...{ kind: "session", time: at(1), event: "begun", session: ref, agent },
      serviceAccount: { namespace: "work", name: "deployer" },
    };
    const brokered = (event: string, verb: string, code?: number): JsonObject => ({
      ...{
        kind: "brokered",
        time: at(2),
        event,
        session: ref,
        agent,
        verb,
        uri: "/apis/apps/v1/deployments",
      },
      ...{ target: target("deployments", "shop"), ...(code === undefined ? {} : { code }) },
    });
    const gathered = gathering([
      begun,
      admission(2, { actingAs: "system:serviceaccount:work:deployer", session: "shop/s" }),
      admission(2, {}),
      ...[brokered("request", "list"), brokered("response", "list", 200), brokered("response", "list", 403)],
      ...[brokered("request", "update"), brokered("response", "update", 200)],
    ]).of(BOT);
    const acting = "system:serviceaccount:work:deployer";
    expect(
      gathered.used.map(({ verb, actingAs, count, allowed }) => [verb, actingAs, count, allowed]),
    ).to.deep.equal([
      ["list", acting, 2, 1],
      ["update", "", 1, 1],
      ["update", acting, 1, 1],
    ]);
    expect(gathered.denied.map(({ verb, actingAs }) => [verb, actingAs])).to.deep.equal([["list", acting]]);
    const direct = gathered.used.filter(({ actingAs }) => actingAs === "");
    const bot = { user: BOT, groups: [] };
    expect(given(policy, bot, gathered.used).map((one) => one.given === undefined)).to.deep.equal([
      true,
      false,
      true,
    ]);
    expect(rightsOf(policy, bot, gathered.used, true)).to.deep.equal(rightsOf(policy, bot, direct, true));
  });

  it("tells what a session refuses itself, and nothing twice that was judged", () => {
    const refused = (message: string, more: JsonObject = {}): JsonObject => ({
      ...{ kind: "brokered", time: at(2), event: "response", agent: { username: BOT, groups: [] } },
      ...{ session: { namespace: "shop", name: "s", uid: "u1" }, method: "POST", verb: "create", code: 403 },
      ...{ uri: "/api/v1/x?y=1", target: { group: "", version: "v1", resource: "pods" }, message, ...more },
    });
    const here = "forbidden in a session: ";
    const portForward = { group: "", version: "v1", resource: "pods", subresource: "portforward" };
    const { denied: found } = gathering([
      refused(`${here}the profile does not allow port-forward`, { target: portForward }),
      refused(`${here}the profile does not allow port-forward`, { target: portForward, event: "request" }),
      refused(`${here}POST /api/v1/x: hoop: agents do not (rule token-request)`, { verb: "", target: {} }),
      refused('admission webhook "hoop.dev" denied the request: no'),
      refused("the session has ended"),
    ]).of(BOT);
    expect(
      found.map(({ verb, resource, subresource, rules, count }) => [
        verb,
        resource,
        subresource,
        rules.join(),
        count,
      ]),
    ).to.deep.equal([
      ["post", "/api/v1/x", "", "token-request", 1],
      ["create", "pods", "portforward", "(the session)", 1],
    ]);
  });

  it("says what makes it incomplete: gaps that reach into its time, and erasures", () => {
    const gap = (minute: number, more: JsonObject): JsonObject => ({
      ...{ kind: "gap", time: at(minute), reason: "down", message: "not running", ...more },
    });
    const { gaps, erasures } = gathering(
      [
        gap(1, {}),
        gap(1, { from: at(1), to: at(6) }),
        gap(9, { from: at(4), to: at(9) }),
        gap(9, { from: at(8), to: at(9) }),
        { kind: "erasure", time: at(6), before: at(1), spans: [{ from: 0, to: 5 }] },
      ],
      at(5),
      at(7),
    );
    expect(gaps.map(({ index }) => index)).to.deep.equal([1, 2]);
    expect(erasures).to.deep.equal([
      { index: 4, time: at(6), says: `payloads from before ${at(1)} were erased: of records 0 to 4` },
    ]);
  });
});

const policy: Policy = {
  roles: [
    {
      metadata: { name: "work", namespace: "shop" },
      rules: [
        { verbs: ["update", "delete", "get"], apiGroups: ["apps"], resources: ["deployments"] },
        { verbs: ["get"], apiGroups: [""], resources: ["secrets"], resourceNames: ["one"] },
      ],
    },
  ],
  clusterRoles: [
    { metadata: { name: "all" }, rules: [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"] }] },
    { metadata: { name: "metrics" }, rules: [{ verbs: ["get"], nonResourceURLs: ["/metrics"] }] },
  ],
  roleBindings: [
    {
      metadata: { name: "work", namespace: "shop" },
      roleRef: { kind: "Role", name: "work" },
      subjects: [{ kind: "ServiceAccount", name: "bot", namespace: "ci" }],
    },
  ],
  clusterRoleBindings: [
    {
      metadata: { name: "metrics" },
      roleRef: { kind: "ClusterRole", name: "metrics" },
      subjects: [{ kind: "Group", name: "hoop:agents" }],
    },
    {
      metadata: { name: "admins" },
      roleRef: { kind: "ClusterRole", name: "all" },
      subjects: [{ kind: "Group", name: "admins" }],
    },
  ],
};

describe("the rights in an access review", () => {
  const identity = { user: BOT, groups: ["hoop:agents"] };
  const { used } = gathering([admission(1, {}), admission(2, { target: target("deployments", "other") })]).of(
    BOT,
  );

  it("are those of every binding that reaches the agent, by name or by group", () => {
    const rights = rightsOf(policy, identity, used, true);
    expect(rights.map(({ by, namespace }) => [by, namespace])).to.deep.equal([
      ["RoleBinding shop/work, to ServiceAccount bot: Role shop/work", "shop"],
      ["RoleBinding shop/work, to ServiceAccount bot: Role shop/work", "shop"],
      ["ClusterRoleBinding metrics, to Group hoop:agents: ClusterRole metrics", ""],
    ]);
    expect(rights[1]?.names).to.deep.equal(["one"]);
  });

  for (const readsRecorded of [true, false])
    it(`say what was never used, of reads where they are recorded: ${readsRecorded}`, () => {
      const [right] = rightsOf(policy, identity, used, readsRecorded);
      expect(right?.use.map(({ verb, state, newest }) => [verb, state, newest])).to.deep.equal([
        ["update", "used", 0],
        ["delete", "never-used", undefined],
        ["get", readsRecorded ? "never-used" : "cannot-tell", undefined],
      ]);
    });

  it("say of what was used whether it is still given", () => {
    const told = (groups: string[]) =>
      given(policy, { user: BOT, groups }, used).map((one) => [one.namespace, one.given]);
    expect(told([])).to.deep.equal([
      ["other", false],
      ["shop", true],
    ]);
    expect(told(["admins"]).map(([, is]) => is)).to.deep.equal([true, true]);
  });

  it("say that a patch was used where a write needed it", () => {
    const patching: Policy = {
      ...policy,
      clusterRoles: [
        { metadata: { name: "all" }, rules: [{ verbs: ["patch"], apiGroups: ["apps"], resources: ["*"] }] },
      ],
      roleBindings: [],
    };
    const [right] = rightsOf(patching, { user: BOT, groups: ["admins"] }, used, true);
    expect(right?.use).to.deep.equal([
      { verb: "patch", group: "apps", resource: "*", state: "partly-used", newest: 1 },
    ]);
  });
});
