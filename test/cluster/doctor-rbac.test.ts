/** Doctor's reading of RBAC against the authorizer itself: random roles and bindings, and what the API server says of them. */
import { expect } from "chai";
import fc from "fast-check";
import { type Client, connect } from "#cluster/client.ts";
import { doctorProbe } from "#cluster/doctor-probe.ts";
import { type ControlPlane, startControlPlane } from "#controlplane/controlplane.ts";
import type { Answer, Question } from "#core/doctor/port.ts";
import {
  allowing,
  type Binding,
  type Grant,
  type Policy,
  type PolicyRule,
  type Role,
  rbacOf,
} from "#core/doctor/rbac.ts";
import { until } from "../support/control-plane.ts";

const GROUP = "rbac.authorization.k8s.io";
const RUNS = 40;
const QUESTIONS = 40;
const NAMESPACES = ["here", "there"];

const some = <T>(...values: T[]) => fc.subarray(values, { minLength: 1, maxLength: 3 });
const one = <T>(...values: T[]) => fc.constantFrom(...values);
const VERBS = ["get", "list", "create", "impersonate", "impersonate:user-info", "*"];
const GROUPS = ["", "apps", "hoop.dev", "*"];
const RESOURCES = ["secrets", "pods", "pods/exec", "pods/*", "*/exec", "*/log", "*", "serviceaccounts/token"];
const PATHS = ["/logs", "/logs/", "/logs/*", "/debug/*", "/deb*", "*", "/healthz**"];

const RULE: fc.Arbitrary<PolicyRule> = fc.record(
  {
    verbs: some(...VERBS),
    apiGroups: some(...GROUPS),
    resources: some(...RESOURCES),
    resourceNames: some("a", "b", "*"),
  },
  { requiredKeys: ["verbs", "apiGroups", "resources"] },
);
const URL_RULE: fc.Arbitrary<PolicyRule> = fc.record({
  verbs: some("get", "post", "*"),
  nonResourceURLs: some(...PATHS),
});

const SUBJECT = fc.record({
  kind: one("User", "Group", "ServiceAccount"),
  which: one("mine", "mine", "other", "system:authenticated"),
  namespace: one("here", "there"),
});
const BOUND = fc.record({
  rules: fc.array(RULE, { minLength: 1, maxLength: 3 }),
  urls: fc.array(URL_RULE, { maxLength: 1 }),
  kind: one("Role", "ClusterRole by a RoleBinding", "ClusterRole"),
  namespace: one(...NAMESPACES),
  subjects: fc.array(SUBJECT, { minLength: 1, maxLength: 3 }),
});
const RESOURCE_QUESTION = fc.record(
  {
    verb: one(...VERBS),
    group: one("", "apps", "hoop.dev", "batch", "*"),
    resource: one("secrets", "pods", "serviceaccounts", "*"),
    subresource: one("", "exec", "log", "token", "*"),
    namespace: one(...NAMESPACES, "elsewhere"),
    name: one("a", "b", "c", "*"),
  },
  { requiredKeys: ["verb", "group", "resource", "subresource"] },
);
const URL_QUESTION = fc.record({
  verb: one("get", "post", "*"),
  path: one("/logs", "/logs/", "/logs/a", "/debug/pprof", "/debu", "/healthz", "/healthz*", "*"),
});
const QUESTION = fc.record({
  asks: fc.oneof({ weight: 4, arbitrary: RESOURCE_QUESTION }, { weight: 1, arbitrary: URL_QUESTION }),
  who: one("user", "account"),
});
const CASE = fc.record({
  bound: fc.array(BOUND, { minLength: 1, maxLength: 4 }),
  asked: fc.array(QUESTION, { minLength: QUESTIONS, maxLength: QUESTIONS }),
});
type Case = typeof CASE extends fc.Arbitrary<infer T> ? T : never;
type Bound = Case["bound"][number];

describe("doctor's RBAC", () => {
  let plane: ControlPlane;
  let client: Client;

  before(async () => {
    plane = await startControlPlane({});
    client = connect(plane.adminKubeconfig);
    for (const name of NAMESPACES) await plane.createNamespace(name);
  });
  after(async () => {
    await client?.close();
    await plane?.stop();
  });

  const put = (path: string, body: object) => client.request({ method: "POST", path, body });
  const writtenTo = (kind: string, namespace: string) =>
    `/apis/${GROUP}/v1${namespace === "" ? "" : `/namespaces/${namespace}`}/${kind.toLowerCase()}s`;
  const write = async (kind: string, { metadata, ...rest }: Role | Binding) =>
    put(writtenTo(kind, metadata.namespace ?? ""), { apiVersion: `${GROUP}/v1`, kind, metadata, ...rest });

  /** The four kinds reach the authorizer each on its own way. */
  async function inForce(run: string, probe: ReturnType<typeof doctorProbe>): Promise<void> {
    const rules = [{ verbs: ["probe"], apiGroups: [run], resources: ["probes"] }];
    const user = `probe-${run}`;
    const policy = policyOf(`probe-${run}`, [
      { rules, urls: [], kind: "Role", namespace: "here", subjects: [] },
      { rules, urls: [], kind: "ClusterRole", namespace: "here", subjects: [] },
    ]);
    const named = (list: readonly Binding[]) =>
      list.map((binding) => ({ ...binding, subjects: [{ kind: "User", name: user, apiGroup: GROUP }] }));
    await written({
      ...policy,
      roleBindings: named(policy.roleBindings),
      clusterRoleBindings: named(policy.clusterRoleBindings),
    });
    const attributes = { verb: "probe", group: run, resource: "probes" };
    await until("what was written is in force", async () => {
      const byCluster = await probe.ask([{ user, groups: [], resourceAttributes: attributes }]);
      const reasons = await probe.ask([
        { user, groups: [], resourceAttributes: { ...attributes, namespace: "here" } },
      ]);
      return [...byCluster, ...reasons].every(({ allowed }) => allowed);
    });
  }

  async function written({ roles, clusterRoles, roleBindings, clusterRoleBindings }: Policy): Promise<void> {
    for (const role of roles) await write("Role", role);
    for (const role of clusterRoles) await write("ClusterRole", role);
    for (const binding of roleBindings) await write("RoleBinding", binding);
    for (const binding of clusterRoleBindings) await write("ClusterRoleBinding", binding);
  }

  /** The API server's verdict is ours, and the binding and role it names are among ours. Returns a rule for what is allowed. */
  function agreed(grants: readonly Grant[], question: Question, answer: Answer): Grant | undefined {
    const told = JSON.stringify({ question, grants, answer });
    expect(grants.length > 0, told).to.equal(answer.allowed);
    if (answer.allowed)
      expect(grants.map(wordsOf), told).to.satisfy((all: string[]) =>
        all.some((words) => answer.reason.includes(words)),
      );
    return grants[0];
  }

  it("says what the API server says, and names a rule that alone gives the same", async () => {
    const probe = doctorProbe(client);
    let run = 0;
    let allowed = 0;
    await fc.assert(
      fc.asyncProperty(CASE, async ({ bound, asked }) => {
        const name = `r${run++}-${Date.now().toString(36)}`;
        const policy = policyOf(name, bound);
        await written(policy);
        await inForce(name, probe);
        const rbac = rbacOf(policy);
        const questions = asked.map((question) => questionOf(name, question));
        const answers = await probe.ask(questions);
        const alone = questions.flatMap((question, at) => {
          const answer = answers[at];
          // What other cases give to whoever is logged in is not of this case.
          if (answer === undefined || (answer.allowed && !answer.reason.includes(name))) return [];
          const grant = agreed(allowing(rbac.grantsOf(question), question), question, answer);
          return grant === undefined ? [] : [onlyBy(grant, question, `${name}-alone-${at}`)];
        });
        allowed += alone.length;
        const few = alone.slice(0, 5);
        for (const one of few) await written(one.policy);
        if (few.length > 0) await inForce(`${name}-alone`, probe);
        const again = await probe.ask(few.map(({ question }) => question));
        expect(again.map((answer) => answer.allowed)).to.deep.equal(few.map(() => true));
      }),
      { numRuns: RUNS },
    );
    expect(allowed, "questions that were allowed").to.be.greaterThan(RUNS);
  });
});

/** As the RBAC authorizer gives its reason. */
function wordsOf({ binding, role }: Grant): string {
  const name = binding.namespace === "" ? binding.name : `${binding.name}/${binding.namespace}`;
  return `${binding.kind} "${name}" of ${role.kind} "${role.name}"`;
}

/** The same question of somebody who has this one rule and nothing else. */
function onlyBy(grant: Grant, question: Question, user: string): { policy: Policy; question: Question } {
  const { namespace } = grant.binding;
  const metadata = { name: user, ...(namespace === "" ? {} : { namespace }) };
  const role = { metadata, rules: [grant.rule] };
  const roleRef = { apiGroup: GROUP, kind: namespace === "" ? "ClusterRole" : "Role", name: user };
  const binding = { metadata, roleRef, subjects: [{ kind: "User", name: user, apiGroup: GROUP }] };
  const empty = { roles: [], clusterRoles: [], roleBindings: [], clusterRoleBindings: [] };
  const policy =
    namespace === ""
      ? { ...empty, clusterRoles: [role], clusterRoleBindings: [binding] }
      : { ...empty, roles: [role], roleBindings: [binding] };
  return { policy, question: { ...question, user, groups: [] } };
}

function policyOf(name: string, bound: readonly Bound[]): Policy {
  const roles: Role[] = [];
  const clusterRoles: Role[] = [];
  const roleBindings: Binding[] = [];
  const clusterRoleBindings: Binding[] = [];
  for (const [at, { rules, urls, kind, namespace, subjects }] of bound.entries()) {
    const own = `${name}-${at}`;
    const inNamespace = { metadata: { name: own, namespace } };
    const everywhere = { metadata: { name: own } };
    if (kind === "Role") roles.push({ ...inNamespace, rules });
    else clusterRoles.push({ ...everywhere, rules: [...rules, ...urls] });
    const roleRef = { apiGroup: GROUP, kind: kind === "Role" ? "Role" : "ClusterRole", name: own };
    const of = subjects.map((subject) => subjectOf(name, subject));
    if (kind === "ClusterRole") clusterRoleBindings.push({ ...everywhere, roleRef, subjects: of });
    else roleBindings.push({ ...inNamespace, roleRef, subjects: of });
  }
  return { roles, clusterRoles, roleBindings, clusterRoleBindings };
}

function subjectOf(name: string, { kind, which, namespace }: Bound["subjects"][number]) {
  const called = which === "mine" ? name : which;
  if (kind === "ServiceAccount") return { kind, name: called.replaceAll(":", "-"), namespace };
  return { kind, name: called, apiGroup: GROUP };
}

/** Asked as the user, or as the ServiceAccount of that name in `here`. */
function questionOf(name: string, { asks, who }: Case["asked"][number]): Question {
  const identity =
    who === "user"
      ? { user: name, groups: [name, "system:authenticated"] }
      : {
          user: `system:serviceaccount:here:${name}`,
          groups: ["system:serviceaccounts", "system:authenticated"],
        };
  return "path" in asks
    ? { ...identity, nonResourceAttributes: asks }
    : { ...identity, resourceAttributes: asks };
}
