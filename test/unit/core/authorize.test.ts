import { expect } from "chai";
import { AUTHORIZATION_FIELDS, agentMatcher } from "#core/agents.ts";
import { type AccessRequest, authorizationFilter, authorize } from "#core/authorize.ts";
import {
  type Attributes,
  asked,
  DENIED,
  DENIED_PATHS,
  PASSED,
  PASSED_PATHS,
  shown,
} from "../../support/access.ts";
import { user } from "../../support/reviews.ts";

const AGENTS = agentMatcher({ groups: ["hoop:agents"], users: [], serviceAccounts: [], extras: {} }, "");
function ruleFor(resource: Attributes, groups: string[] = ["hoop:agents"]): string {
  const verdict = authorize(AGENTS, { user: user("bot", groups), resource }, "hoop-system");
  return verdict.kind === "denied" ? verdict.rule : verdict.kind;
}

function ruleForPath(path: string): string {
  const verdict = authorize(AGENTS, { user: user("bot", ["hoop:agents"]), path }, "hoop-system");
  return verdict.kind === "denied" ? verdict.rule : verdict.kind;
}

describe("authorization", () => {
  for (const [rule, requests] of Object.entries(DENIED))
    describe(`denies agents by ${rule}:`, () => {
      for (const resource of requests) it(shown(resource), () => expect(ruleFor(resource)).to.equal(rule));
    });

  describe("has no opinion of an agent's", () => {
    for (const resource of PASSED)
      it(shown(resource), () => expect(ruleFor(resource)).to.equal("no-opinion"));

    for (const path of PASSED_PATHS)
      it(`path ${path}`, () => expect(ruleForPath(path)).to.equal("no-opinion"));
  });

  for (const path of DENIED_PATHS)
    it(`denies agents the path ${path}`, () => expect(ruleForPath(path)).to.equal("api-server-internals"));

  it("has no opinion of anything anybody else asks", () => {
    for (const resource of Object.values(DENIED).flat())
      for (const groups of [[], ["system:masters", "hoop:agents"]])
        expect(ruleFor(resource, groups)).to.equal("no-opinion");
  });

  it("tells the agent what is wrong, by the rule's name", () => {
    const resource = asked("get", "/secrets");
    const verdict = authorize(AGENTS, { user: user("bot", ["hoop:agents"]), resource }, "hoop-system");
    expect(verdict)
      .to.have.property("reason")
      .that.matches(/^hoop: agents do not .* \(rule secrets\)$/);
  });
});

describe("authorization of agents who are to work in sessions", () => {
  const team = { agents: { groups: ["team"], users: [], serviceAccounts: ["work/bot"], extras: {} } };
  const owned = [{ ...team, owners: { users: [], groups: [] }, requiresSession: "team" }];
  const agents = agentMatcher(team.agents, "", owned);
  const ANN = user("ann", ["team"]);
  const verdictOn = (request: Omit<AccessRequest, "user">, who = ANN) => {
    const verdict = authorize(agents, { user: who, ...request }, "hoop-system");
    return verdict.kind === "denied" ? verdict.rule : verdict.kind;
  };
  const OPEN = [
    asked("create", "hoop.dev/sessions"),
    asked("delete", "hoop.dev/sessions"),
    asked("watch", "hoop.dev/sessions"),
    asked("get", "hoop.dev/sessions/proxy"),
    asked("list", "hoop.dev/approvals"),
    asked("get", "hoop.dev/records"),
    asked("create", "authorization.k8s.io/selfsubjectaccessreviews"),
    asked("create", "authorization.k8s.io/selfsubjectrulesreviews"),
    asked("create", "authentication.k8s.io/selfsubjectreviews"),
  ];
  for (const resource of OPEN)
    it(`leaves ${shown(resource)} open`, () => expect(verdictOn({ resource })).to.equal("no-opinion"));
  const CLOSED = [
    asked("get", "/pods"),
    asked("create", "/configmaps"),
    asked("list", "apps/deployments"),
    asked("get", "hoop.dev/secure-secrets"),
    asked("create", "authorization.k8s.io/subjectaccessreviews"),
    asked("create", "hoop.dev/records"),
    asked("get", "example.com/sessions"),
    asked("get", "policy.hoop.dev/agentpolicies"),
  ];
  for (const resource of CLOSED)
    it(`denies ${shown(resource)}`, () => expect(verdictOn({ resource })).to.equal("session-required"));
  for (const path of [
    "/",
    "/api",
    "/apis/apps/v1",
    "/openapi/v3",
    "/version",
    "/healthz",
    "/livez/ping",
    "/readyz",
  ])
    it(`leaves the path ${path} open`, () => expect(verdictOn({ path })).to.equal("no-opinion"));
  for (const path of ["/metrics", "/apiserver", "/versions", "/openid/v1/jwks"])
    it(`denies the path ${path}`, () => expect(verdictOn({ path })).to.equal("session-required"));

  it("is for the ServiceAccount of their sessions, too, unless it is used in one", () => {
    const resource = asked("get", "/pods");
    const account = user("system:serviceaccount:work:bot");
    expect(verdictOn({ resource }, account)).to.equal("session-required");
    const inside = { ...account, extra: new Map([["hoop.dev/session-uid", ["u"]]]) };
    expect(verdictOn({ resource }, inside)).to.equal("no-opinion");
    expect(verdictOn({ resource }, user("bob"))).to.equal("no-opinion");
    expect(verdictOn({ resource }, user("ann", ["team", "system:masters"]))).to.equal("no-opinion");
  });

  it("says how a session is begun", () => {
    const verdict = authorize(agents, { user: ANN, resource: asked("get", "/pods") }, "hoop-system");
    expect(verdict)
      .to.have.property("reason")
      .that.contains("kubectl hoop login --profile team -n NAMESPACE");
  });

  it("is sent by the API server, by an expression that leaves sessions out", () => {
    const expression = agents.confinedExpression(AUTHORIZATION_FIELDS);
    expect(expression).to.equal(
      '((has(request.groups) && request.groups.exists(g, g in ["team"])) || (has(request.user) && request.user in ' +
        '["system:serviceaccount:work:bot"])) && !(has(request.extra) && "hoop.dev/session-uid" in request.extra)',
    );
    expect(authorizationFilter("hoop-system", expression)).to.contain(` || (${expression})`);
    expect(agentMatcher(team.agents, "").confinedExpression(AUTHORIZATION_FIELDS)).to.equal("");
  });
});
