/** The fixes of a report, run against the roles and bindings they are about. */
import { expect } from "chai";
import fc from "fast-check";
import { applyPatch, type Operation } from "rfc6902";
import { examine } from "#core/doctor/examine.ts";
import type { Fix } from "#core/doctor/finding.ts";
import { namedAgent } from "#core/doctor/identities.ts";
import type { Question } from "#core/doctor/port.ts";
import { allowing, type Policy, type PolicyRule, rbacOf } from "#core/doctor/rbac.ts";
import { AGENTS, fakeCluster, granted, together } from "../support/doctor-cluster.ts";

const BOT = namedAgent("bot", ["hoop:agents"]);
const LISTS: Readonly<Record<string, keyof Policy>> = {
  role: "roles",
  clusterrole: "clusterRoles",
  rolebinding: "roleBindings",
  clusterrolebinding: "clusterRoleBindings",
};

/** What kubectl makes of the command, on a copy. Throws where a patch does not fit. */
function fixed(policy: Policy, { command = "" }: Fix): Policy {
  const words = [...command.matchAll(/'((?:[^']|'\\'')*)'|(\S+)/g)].map(
    ([, quoted, plain = ""]) => quoted?.replaceAll("'\\''", "'") ?? plain,
  );
  const [kubectl, verb, target = ""] = words;
  const [kind = "", name] = target.split(/\/(.*)/s);
  const list = LISTS[kind];
  expect([kubectl, list === undefined], command).to.deep.equal(["kubectl", false]);
  if (list === undefined) return policy;
  const namespace = words.includes("-n") ? words[words.indexOf("-n") + 1] : undefined;
  const copy = structuredClone(policy);
  const at = copy[list].findIndex(
    ({ metadata }) => metadata.name === name && metadata.namespace === namespace,
  );
  expect(at, command).to.be.at.least(0);
  if (verb === "delete") return { ...copy, [list]: copy[list].filter((_, index) => index !== at) };
  expect(words.slice(3).filter((word) => word.startsWith("--"))).to.deep.equal(["--type=json"]);
  const patch = JSON.parse(words.at(-1) ?? "") as Operation[];
  expect(
    applyPatch(copy[list][at], patch).filter((error) => error !== null),
    command,
  ).to.deep.equal([]);
  return copy;
}

const SAFE = ["events", "namespaces", "limitranges"];
const RISKY = ["secrets", "pods/exec", "nodes/proxy", "serviceaccounts/token"];
const VERBS = ["get", "list", "create", "patch", "delete"];
const some = <T>(values: readonly T[]) => fc.subarray([...values], { minLength: 1 });
const RULE: fc.Arbitrary<PolicyRule> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      apiGroups: fc.constant([""]),
      resources: some([...SAFE, ...RISKY]),
      verbs: some(VERBS),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      nonResourceURLs: some(["/logs/", "/healthz", "/debug/*"]),
      verbs: fc.constant(["get"]),
    }),
  },
);
const WILD: PolicyRule = { apiGroups: ["*"], resources: ["*"], verbs: ["*"] };

const asked = (verb: string, full: string): Question => {
  const [resource = "", subresource] = full.split("/");
  return {
    ...BOT,
    resourceAttributes: {
      verb,
      group: "",
      resource,
      namespace: "shop",
      ...(subresource === undefined ? {} : { subresource }),
    },
  };
};

describe("doctor's fixes", () => {
  const openIn = async (policy: Policy) => {
    const cluster = fakeCluster(policy);
    cluster.authorizer = () => undefined;
    const { findings } = await examine(cluster.port, [BOT]);
    return findings.filter(({ openings }) => openings.length > 0);
  };
  const allowed = (policy: Policy, question: Question) =>
    allowing(rbacOf(policy).grantsOf(BOT), question).length > 0;

  it("close what they are for, take nothing else from rules that name what they allow, and end", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(RULE, { minLength: 1, maxLength: 4 }),
        fc.array(
          RULE.filter(({ nonResourceURLs }) => nonResourceURLs === undefined),
          { minLength: 1, maxLength: 3 },
        ),
        async (everywhere, inShop) => {
          let policy = together(
            granted("all", everywhere, [AGENTS]),
            granted("shop's", inShop, [AGENTS], "shop"),
          );
          const before = SAFE.flatMap((resource) =>
            VERBS.map((verb) => [asked(verb, resource), allowed(policy, asked(verb, resource))] as const),
          );
          for (let round = 0; ; round++) {
            const [worst] = await openIn(policy);
            if (worst === undefined) break;
            expect(round).to.be.lessThan(30);
            for (const fix of worst.fix.filter(({ alternative }) => alternative !== true))
              policy = fixed(policy, fix);
            expect((await openIn(policy)).map(({ id }) => id)).to.not.contain(worst.id);
          }
          for (const [question, was] of before) expect(allowed(policy, question)).to.equal(was);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("take the binding away where a rule does not name what it allows, from one subject among others", async () => {
    const others = { kind: "User", name: "it's me" };
    const policy = together(
      granted("--all", [WILD], [others, AGENTS]),
      granted("one", [WILD], [AGENTS], "shop"),
    );
    const [worst] = await openIn(policy);
    const commands = (worst?.fix ?? []).map(({ command }) => command);
    expect(commands).to.deep.equal([
      `kubectl patch clusterrolebinding/--all --type=json -p '[{"op":"test","path":"/subjects/1/name","value":"hoop:agents"},{"op":"remove","path":"/subjects/1"}]'`,
      "kubectl delete rolebinding/one -n shop",
    ]);
    const after = (worst?.fix ?? []).reduce(fixed, policy);
    expect(await openIn(after)).to.deep.equal([]);
    expect(after.clusterRoleBindings[0]?.subjects).to.deep.equal([others]);
  });

  it("offer to take the binding away also where a rule can be narrowed", async () => {
    const [worst] = await openIn(
      granted("way", [{ apiGroups: [""], resources: ["secrets"], verbs: ["get"] }], [AGENTS]),
    );
    expect(worst?.fix.map(({ alternative = false }) => alternative)).to.deep.equal([false, true]);
  });

  it("do not narrow a role that is only bound too widely", async () => {
    const [worst] = await openIn(
      granted("way", [{ apiGroups: [""], resources: ["services"], verbs: ["create"] }], [AGENTS]),
    );
    expect(worst?.id).to.equal("hoop-namespace-write");
    expect(worst?.fix).to.have.length(1);
    expect(worst?.fix[0]).to.include({ command: "kubectl delete clusterrolebinding/way" });
    expect(worst?.fix[0]?.says).to.match(/bind it only in the namespaces where it is needed$/);
  });

  it("leave roles alone that Kubernetes restores", async () => {
    const rules = [{ apiGroups: [""], resources: ["secrets"], verbs: ["get"] }];
    const policy = granted("edit", rules, [AGENTS]);
    const labels = { "kubernetes.io/bootstrapping": "rbac-defaults" };
    const bootstrap = { ...policy, clusterRoles: [{ metadata: { name: "edit", labels }, rules }] };
    const [worst] = await openIn(bootstrap);
    expect(worst?.fix.map(({ command }) => command)).to.deep.equal([
      "kubectl delete clusterrolebinding/edit",
    ]);
  });

  it("are words a shell leaves as they are", async () => {
    const name = "it's $(here) `now`";
    const [worst] = await openIn(granted(name, [WILD], [AGENTS]));
    expect(worst?.fix[0]?.command).to.equal(`kubectl delete 'clusterrolebinding/it'\\''s $(here) \`now\`'`);
  });
});
