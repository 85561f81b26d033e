/** What doctor makes of a cluster, piece by piece. */
import { expect } from "chai";
import { CHECKS, examine } from "#core/doctor/examine.ts";
import type { Webhook } from "#core/doctor/facts.ts";
import { type Finding, SEVERITIES } from "#core/doctor/finding.ts";
import { FRONT_PROXY } from "#core/doctor/front-proxy.ts";
import { namedAgent } from "#core/doctor/identities.ts";
import { type PolicyRule, rbacOf } from "#core/doctor/rbac.ts";
import {
  AGENTS,
  type FakeCluster,
  fakeCluster,
  granted,
  type Installed,
  installed,
  together,
} from "../support/doctor-cluster.ts";

const BOT = namedAgent("bot", ["hoop:agents"]);
const VALIDATING = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
const everything: PolicyRule = { apiGroups: ["*"], resources: ["*"], verbs: ["*"] };
const core = (resources: string[], verbs: string[], more: object = {}): PolicyRule => ({
  apiGroups: [""],
  resources,
  verbs,
  ...more,
});
const idsOf = (findings: readonly Finding[]) => findings.map(({ id }) => id);
const found = (value: unknown) => ({ kind: "found" as const, value });

async function findingsIn(cluster: FakeCluster, agents = [BOT]): Promise<readonly Finding[]> {
  return (await examine(cluster.port, agents)).findings;
}

describe("doctor", () => {
  it("finds nothing where an agent may do nothing", async () => {
    expect(idsOf(await findingsIn(fakeCluster()))).to.deep.equal([]);
  });

  it("has each check once, with ways and a control", () => {
    expect(new Set(CHECKS.map(({ id }) => id)).size).to.equal(CHECKS.length);
    for (const { id, ways, control, severity, judged } of CHECKS) {
      expect(ways, id).to.not.have.length(0);
      expect(control, id).to.match(/^[A-Z]{2}-\d+$/);
      // What admission closes is less severe where admission is.
      if (judged !== undefined)
        expect(SEVERITIES.indexOf(judged), id).to.be.greaterThan(SEVERITIES.indexOf(severity));
    }
  });

  it("puts the most severe first", async () => {
    const findings = await findingsIn(fakeCluster(granted("all", [everything], [AGENTS])));
    const ranks = findings.map(({ severity }) => SEVERITIES.indexOf(severity));
    expect(ranks).to.deep.equal(ranks.toSorted((a, b) => a - b));
    expect(findings.length).to.be.greaterThan(20);
  });

  describe("of rules", () => {
    const opens: Record<
      string,
      { rules: PolicyRule[]; namespace?: string; id: string; namespaces?: string[]; names?: string[] }
    > = {
      everywhere: { rules: [core(["pods", "pods/exec"], ["create"])], id: "pod-connect" },
      "in one namespace": {
        ...{ rules: [core(["pods/exec"], ["create"])], namespace: "shop", id: "pod-connect" },
        namespaces: ["shop"],
      },
      "for some names": {
        rules: [core(["pods/exec"], ["create"], { resourceNames: ["web-0"] })],
        ...{ id: "pod-connect", names: ["web-0"] },
      },
      "behind other rules": {
        rules: [core(["events"], ["get"]), core(["nodes"], ["get"]), core(["*/proxy"], ["get"])],
        id: "node-proxy",
      },
      "only where Hoop is": {
        rules: [core(["pods/log"], ["get"])],
        ...{ namespace: "hoop-system", id: "hoop-namespace-read", namespaces: ["hoop-system"] },
      },
      "of the one ConfigMap that matters": {
        rules: [core(["configmaps"], ["update"], { resourceNames: ["mine", "aws-auth"] })],
        ...{
          namespace: "kube-system",
          id: "identity-configmaps",
          namespaces: ["kube-system"],
          names: ["aws-auth"],
        },
      },
      "of paths": { rules: [{ nonResourceURLs: ["/lo*"], verbs: ["get"] }], id: "server-internals" },
    };
    for (const [name, { rules, namespace, id, namespaces, names }] of Object.entries(opens))
      it(`names the binding and the rule, ${name}`, async () => {
        const findings = await findingsIn(fakeCluster(granted("way", rules, [AGENTS], namespace)));
        const openings = findings.filter((one) => one.id === id).flatMap((one) => one.openings);
        expect(openings).to.have.length(1);
        const [{ grant, ...where } = { grant: undefined }] = openings;
        expect(grant).to.deep.include({ ruleIndex: rules.length - 1, subject: AGENTS });
        expect(grant?.binding).to.deep.include({ name: "way", namespace: namespace ?? "" });
        expect(where).to.deep.include({ namespaces, names });
      });

    const opensNothing: Record<string, { rules: PolicyRule[]; namespace?: string; id: string }> = {
      "a subresource of one resource by /*": { rules: [core(["pods/*"], ["create"])], id: "pod-connect" },
      "the creation of something by its name": {
        rules: [core(["secrets"], ["create"], { resourceNames: ["db"] })],
        id: "secrets-create",
      },
      "what is of the whole cluster by a binding in a namespace": {
        ...{ rules: [core(["nodes/proxy", "nodes/log"], ["get"])], namespace: "shop", id: "node-proxy" },
      },
      "Hoop's namespace by a binding elsewhere": {
        ...{ rules: [core(["pods/log"], ["get"])], namespace: "shop", id: "hoop-namespace-read" },
      },
      "paths by a binding in a namespace": {
        ...{ rules: [{ nonResourceURLs: ["*"], verbs: ["*"] }], namespace: "shop", id: "server-internals" },
      },
    };
    for (const [name, { rules, namespace, id }] of Object.entries(opensNothing))
      it(`knows that RBAC does not give ${name}`, async () => {
        expect(
          idsOf(await findingsIn(fakeCluster(granted("way", rules, [AGENTS], namespace)))),
        ).to.not.contain(id);
      });

    it("says from which ClusterRole an aggregated rule is", async () => {
      const rule = core(["pods/exec"], ["create"]);
      const policy = granted("edit", [core(["events"], ["get"]), rule], [AGENTS]);
      const [edit] = policy.clusterRoles;
      const part = { metadata: { name: "exec", labels: { to: "edit" } }, rules: [rule] };
      const aggregated = {
        ...policy,
        clusterRoles: [
          {
            metadata: { name: "edit" },
            rules: edit?.rules ?? [],
            aggregationRule: { clusterRoleSelectors: [{ matchLabels: { to: "edit" } }] },
          },
          part,
          { ...part, metadata: { name: "another", labels: { to: "view" } } },
        ],
      };
      const [finding] = (await findingsIn(fakeCluster(aggregated))).filter(({ id }) => id === "pod-connect");
      expect(finding?.openings[0]?.grant?.from.map(({ name }) => name)).to.deep.equal(["exec"]);
      expect(finding?.fix[0]?.command)
        .to.contain("clusterrole/exec")
        .and.contain('"remove","path":"/rules/0"');
    });

    it("takes a binding to a role that is not there for nothing", () => {
      const { clusterRoleBindings } = granted("way", [everything], [AGENTS]);
      const policy = { ...granted("other", [], []), clusterRoleBindings };
      expect(rbacOf(policy).grantsOf(BOT)).to.deep.equal([]);
    });

    it("says what another authorizer allows, and that no rule does", async () => {
      const cluster = fakeCluster();
      cluster.authorizer = ({ resourceAttributes: at }) =>
        at?.resource === "users" ? { allowed: true, denied: false, reason: "ABAC" } : undefined;
      const finding = (await findingsIn(cluster)).find(({ id }) => id === "impersonate");
      expect(finding?.openings).to.have.length(1);
      expect(finding?.openings[0]).to.deep.include({ grant: undefined, reason: "ABAC" });
      expect(finding?.fix[0]?.says).to.contain("ABAC");
    });

    it("believes an authorizer that denies what RBAC allows", async () => {
      const findings = await findingsIn(
        fakeCluster(granted("way", [core(["secrets"], ["get", "patch"])], [AGENTS])),
      );
      expect(idsOf(findings)).to.deep.equal([]);
    });
  });

  describe("of agents", () => {
    const conditioned = (expression: string, policy = granted("none", [], [])) => {
      const cluster = fakeCluster(policy);
      const { validating, ...others } = installed();
      const matchConditions = [{ name: "agents", expression }];
      const webhooks = validating.webhooks.map((webhook) => ({ ...webhook, matchConditions }));
      cluster.objects.set(VALIDATING, found({ items: [{ ...validating, webhooks }] }));
      const policies = others.mutatingPolicies.map((one) => ({
        ...one,
        spec: { ...one.spec, matchConditions },
      }));
      cluster.objects.set(
        VALIDATING.replace("validatingwebhookconfigurations", "mutatingadmissionpolicies"),
        found({ items: policies }),
      );
      return cluster;
    };

    it("knows those whom the live matchCondition names, in bindings or in itself", async () => {
      const by = (kind: string, name: string, namespace?: string) =>
        granted(`b-${name}`, [], [{ kind, name, ...(namespace === undefined ? {} : { namespace }) }]);
      const policy = together(
        ...[by("User", "ci"), by("User", "alice"), by("Group", "bots"), by("Group", "people")],
        ...[by("ServiceAccount", "runner", "jobs"), by("ServiceAccount", "web", "shop")],
      );
      const expression =
        '(has(request.userInfo.groups) && request.userInfo.groups.exists(g, g in ["bots", "system:serviceaccounts:jobs"])) || ' +
        'request.userInfo.username in ["ci", "absent"]';
      const { agents } = await examine(conditioned(expression, policy).port);
      expect(agents).to.deep.equal([
        "absent",
        "ci",
        "group bots",
        "group system:serviceaccounts:jobs",
        "system:serviceaccount:jobs:runner",
      ]);
    });

    it("says whose agenthood no object tells", async () => {
      const expression = 'has(request.userInfo.extra) && "agent" in request.userInfo.extra';
      const { agents, notChecked } = await examine(conditioned(expression).port);
      expect(agents).to.deep.equal([]);
      expect(notChecked[0]?.what).to.contain("extra data");
    });

    it("says where the condition cannot be told from who asks", async () => {
      const report = await examine(conditioned('request.namespace == "shop"').port, [BOT]);
      expect(report.notChecked.find(({ could }) => could)?.what).to.contain("judges");
    });

    it("finds one who is no agent to Hoop", async () => {
      const [finding] = await findingsIn(fakeCluster(), [namedAgent("ci")]);
      expect(finding).to.deep.include({ id: "agent-not-covered", severity: "critical", agents: ["ci"] });
    });

    for (const group of ["system:masters", "system:nodes"])
      it(`finds a member of ${group}`, async () => {
        const findings = await findingsIn(fakeCluster(), [namedAgent("bot", ["hoop:agents", group])]);
        expect(findings[0]).to.deep.include({ id: "identity-above", severity: "critical" });
      });

    it("counts what anybody may as open to agents, and as judged by nobody", async () => {
      const anybody = [{ kind: "Group", name: "system:unauthenticated" }];
      const rules = [core(["secrets"], ["get", "deletecollection"])];
      const findings = await findingsIn(fakeCluster(granted("public", rules, anybody, "shop")));
      expect(findings.map(({ id, severity, agents }) => [id, severity, ...agents])).to.deep.equal([
        ["secrets-read", "critical", "system:anonymous"],
        ["secrets-answers", "critical", "system:anonymous"],
      ]);
    });

    it("tells of several in one finding where the same rule lets them", async () => {
      const all = [{ kind: "Group", name: "system:authenticated" }];
      const findings = await findingsIn(fakeCluster(granted("all", [core(["nodes/log"], ["get"])], all)), [
        namedAgent("one", ["hoop:agents"]),
        namedAgent("two", ["hoop:agents"]),
      ]);
      expect(findings.map(({ id, agents }) => [id, ...agents])).to.deep.equal([
        ["kubelet-read", "one", "two"],
      ]);
    });
  });

  describe("of what stands in the way", () => {
    const wrong: Record<string, [Partial<Webhook>, ids: string[]]> = {
      "a webhook that need not be asked": [{ failurePolicy: "Ignore" }, ["registration-fails-open"]],
      "rules that leave subresources out": [
        { rules: [{ apiGroups: ["*"], apiVersions: ["*"], resources: ["*"], operations: ["*"] }] },
        ["registration-rules"],
      ],
      "rules for namespaced resources only": [
        {
          rules: [
            {
              apiGroups: ["*"],
              apiVersions: ["*"],
              resources: ["*/*"],
              operations: ["*"],
              scope: "Namespaced",
            },
          ],
        },
        ["registration-rules"],
      ],
      "rules without an operation": [
        {
          rules: [
            {
              apiGroups: ["*"],
              apiVersions: ["*"],
              resources: ["*/*"],
              operations: ["CREATE", "UPDATE", "DELETE"],
            },
          ],
        },
        ["registration-rules"],
      ],
      "a namespace selector": [
        { namespaceSelector: { matchExpressions: [{ key: "skip", operator: "DoesNotExist" }] } },
        ["registration-selectors"],
      ],
      "an object selector": [{ objectSelector: { matchLabels: { a: "b" } } }, ["registration-selectors"]],
      "a matchPolicy that is exact": [{ matchPolicy: "Exact" }, ["registration-match-policy"]],
      "another condition": [
        {
          matchConditions: [
            {
              name: "agents",
              expression: 'has(request.userInfo.groups) && "hoop:agents" in request.userInfo.groups',
            },
            { name: "but", expression: "request.namespace != 'shop'" },
          ],
        },
        ["registration-conditions"],
      ],
      "no caBundle": [{ clientConfig: {} }, ["registration-trust"]],
      "agents who are not those that are stamped": [
        { matchConditions: [{ name: "agents", expression: '"hoop:agents" in request.userInfo.groups' }] },
        ["stamp-conditions"],
      ],
    };
    for (const [name, [change, ids]] of Object.entries(wrong))
      it(`finds ${name}`, async () => {
        const cluster = fakeCluster();
        const { validating, config } = installed();
        const webhooks = validating.webhooks.map((webhook) => ({ ...webhook, ...change }));
        cluster.objects.set(VALIDATING, found({ items: [{ ...validating, webhooks }, config] }));
        expect(idsOf(await findingsIn(cluster))).to.deep.equal(ids);
      });

    it("finds that nothing is registered, and then takes nothing for judged", async () => {
      const cluster = fakeCluster(granted("way", [core(["pods/exec"], ["create"])], [AGENTS]));
      cluster.objects.delete(VALIDATING);
      const findings = await findingsIn(cluster);
      expect(findings.map(({ id, severity }) => [id, severity])).to.deep.equal([
        ["registration-missing", "critical"],
        ["pod-connect", "high"],
      ]);
    });

    const unchecked: Record<string, (config: Installed["config"]) => Installed["config"][]> = {
      "not checked": () => [],
      "checked by nothing": ({ metadata }) => [{ metadata, webhooks: [] }],
      "not possible without Hoop": ({ metadata, webhooks = [] }) => [
        { metadata, webhooks: webhooks.map((webhook) => ({ ...webhook, failurePolicy: "Fail" })) },
      ],
    };
    for (const [name, registered] of Object.entries(unchecked))
      it(`finds that people's writes of policies are ${name}`, async () => {
        const cluster = fakeCluster();
        const { validating, config } = installed();
        cluster.objects.set(VALIDATING, found({ items: [validating, ...registered(config)] }));
        expect(idsOf(await findingsIn(cluster))).to.deep.equal(["config-registration"]);
      });

    it("finds that nobody stamps", async () => {
      const cluster = fakeCluster();
      cluster.objects.delete(
        VALIDATING.replace("validatingwebhookconfigurations", "mutatingadmissionpolicybindings"),
      );
      expect(idsOf(await findingsIn(cluster))).to.deep.equal(["stamp-missing"]);
    });

    it("lists others who rewrite", async () => {
      const cluster = fakeCluster();
      cluster.objects.set(
        VALIDATING.replace("validating", "mutating"),
        found({ items: [{ metadata: { name: "istio" }, webhooks: [] }] }),
      );
      const [finding] = await findingsIn(cluster);
      expect(finding).to.deep.include({
        id: "other-mutators",
        objects: ["MutatingWebhookConfiguration/istio"],
      });
    });

    const authorizers: Record<string, { denied: boolean; reason: string; says: RegExp }> = {
      "is not asked": { denied: false, reason: "", says: /Nobody denies them/ },
      "is not the one that denies": { denied: true, reason: "no such luck", says: /no such luck/ },
    };
    for (const [name, { denied, reason, says }] of Object.entries(authorizers))
      it(`finds that the authorization webhook ${name}`, async () => {
        const cluster = fakeCluster();
        cluster.authorizer = () => ({ allowed: false, denied, reason });
        const [finding] = await findingsIn(cluster);
        expect(finding).to.deep.include({ id: "authorization-webhook", severity: "medium", agents: ["bot"] });
        expect(finding?.detail).to.match(says);
        expect(finding?.title).to.contain("is not in force");
      });

    it("finds whom the authorization webhook is not asked about, where it is in force for others", async () => {
      const account = namedAgent("system:serviceaccount:work:deployer");
      const findings = await findingsIn(fakeCluster(), [account]);
      const [finding] = findings.filter(({ id }) => id === "authorization-webhook");
      expect(finding).to.deep.include({ agents: [account.name], severity: "medium" });
      expect(finding?.title).to.contain("is not asked about these");
      expect(finding?.detail).to.contain("for a ServiceAccount that only sessions act as");
      expect(finding?.fix.map(({ says }) => says).join())
        .to.contain("matchConditions that Hoop logs")
        .and.not.contain("deploy/apiserver");
    });
  });

  describe("of what is installed", () => {
    const serving = (group: string, resources: object[], rules: PolicyRule[], services: object[] = []) => {
      const cluster = fakeCluster(granted("way", rules, [AGENTS]));
      cluster.objects.set(
        "/apis",
        found({ groups: [{ name: group, preferredVersion: { groupVersion: `${group}/v1` } }] }),
      );
      cluster.objects.set(`/apis/${group}/v1`, found({ resources }));
      cluster.objects.set("/apis/apiregistration.k8s.io/v1/apiservices", found({ items: services }));
      return cluster;
    };
    const VERBS = ["get", "list", "create", "update", "patch", "delete"];

    it("finds controllers that act for the agent", async () => {
      const cluster = serving(
        "argoproj.io",
        [
          { name: "applications", namespaced: true, verbs: VERBS },
          { name: "applications/status", namespaced: true, verbs: VERBS },
        ],
        [{ apiGroups: ["argoproj.io"], resources: ["applications"], verbs: ["get", "patch"] }],
      );
      const findings = await findingsIn(cluster);
      expect(findings.map(({ id, severity }) => [id, severity])).to.deep.equal([
        ["deputies", "medium"],
        ["deputies-installed", "info"],
      ]);
      expect(findings[0]?.openings[0]?.access).to.deep.equal([
        { resource: "applications.argoproj.io", verbs: ["patch"] },
      ]);
    });

    it("finds consoles that other APIs open", async () => {
      const cluster = serving(
        "subresources.kubevirt.io",
        [{ name: "virtualmachineinstances/console", namespaced: true, verbs: ["get"] }],
        [{ apiGroups: ["*"], resources: ["*/console"], verbs: ["get"] }],
      );
      expect(idsOf(await findingsIn(cluster))).to.deep.equal(["foreign-connections"]);
    });

    it("finds what is written where admission is not", async () => {
      const service = {
        metadata: { name: "v1.x.example" },
        spec: { group: "x.example", service: { namespace: "x", name: "x" } },
      };
      const local = { metadata: { name: "v1.apps" }, spec: { group: "apps" } };
      const cluster = serving(
        "x.example",
        [{ name: "things", namespaced: false, verbs: VERBS }],
        [{ apiGroups: ["x.example"], resources: ["*"], verbs: ["create"] }],
        [service, local],
      );
      const findings = await findingsIn(cluster);
      expect(idsOf(findings)).to.deep.equal(["foreign-apis", "aggregated-apis"]);
      expect(findings[1]?.objects).to.deep.equal(["APIGroup/x.example"]);
    });

    const pem = (text: string) => `-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----\n`;
    const proxies = {
      "client-ca-file": pem("Y2xpZW50cw=="),
      "requestheader-client-ca-file": pem("cHJveGllcw=="),
      "requestheader-allowed-names": "[]",
    };
    const FRONT_PROXIES: Record<string, [data: Record<string, string>, severity: string | undefined]> = {
      "of which any may speak for others": [proxies, "medium"],
      "any of which is a client's, too": [
        { ...proxies, "requestheader-client-ca-file": pem("b3RoZXI=") + pem("Y2xpZW50\ncw==") },
        "critical",
      ],
      "that are named": [{ ...proxies, "requestheader-allowed-names": '["front-proxy-client"]' }, undefined],
      "that nobody believes, for the list is none": [
        { ...proxies, "requestheader-allowed-names": "" },
        undefined,
      ],
      "that there are none of": [{ "client-ca-file": pem("Y2xpZW50cw==") }, undefined],
    };
    for (const [which, [data, severity]] of Object.entries(FRONT_PROXIES))
      it(`looks at front proxies ${which}`, async () => {
        const cluster = fakeCluster();
        cluster.objects.set(FRONT_PROXY, found({ data }));
        const findings = await findingsIn(cluster);
        expect(findings.map((one) => one.severity)).to.deep.equal(severity === undefined ? [] : [severity]);
        for (const { id } of findings) expect(id).to.equal("front-proxy-names");
      });

    it("finds that any server may answer for hoop.dev", async () => {
      const service = {
        metadata: { name: "v1alpha1.hoop.dev" },
        spec: {
          group: "hoop.dev",
          insecureSkipTLSVerify: true,
          service: { namespace: "guard", name: "hoop" },
        },
      };
      const cluster = serving("hoop.dev", [], [core(["pods/log"], ["get"])], [service]);
      const findings = await findingsIn(cluster);
      expect(findings[0]).to.deep.include({ id: "apiservice-unchecked", severity: "high" });
      // Where Hoop is, its own registrations say.
      const own = findings.find(({ id }) => id === "hoop-namespace-read");
      expect(own?.openings[0]?.namespaces).to.deep.equal(["guard"]);
    });
  });

  it("asks of many agents only what rules name, and says so", async () => {
    const rules = [core(["nodes/proxy"], ["get"]), { nonResourceURLs: ["/logs/"], verbs: ["get"] }];
    const cluster = fakeCluster(granted("way", rules, [{ kind: "User", name: "a7" }]));
    const agents = Array.from({ length: 21 }, (_, at) => namedAgent(`a${at}`, ["hoop:agents"]));
    const { findings, notChecked, asked } = await examine(cluster.port, agents);
    expect(findings.map(({ id, agents }) => [id, ...agents])).to.deep.equal([
      ["node-proxy", "a7"],
      ["server-internals", "a7"],
    ]);
    expect(asked).to.be.lessThan(30);
    expect(notChecked[0]?.what).to.contain("so many agents");
  });

  it("says what it may not look at, and finds all the same what is open", async () => {
    const cluster = fakeCluster(granted("way", [core(["nodes/proxy"], ["get"])], [AGENTS]));
    const why = "roles is forbidden";
    cluster.objects.set("/apis/rbac.authorization.k8s.io/v1/clusterroles", { kind: "refused", why });
    const { findings, notChecked } = await examine(cluster.port, [BOT]);
    expect(findings.map(({ id }) => id)).to.deep.equal(["node-proxy"]);
    expect(notChecked.filter(({ could }) => could)).to.deep.equal([
      { what: "/apis/rbac.authorization.k8s.io/v1/clusterroles", why, could: true },
    ]);
  });
});
