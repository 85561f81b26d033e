/** `kubectl hoop doctor`: how it asks, prints, and exits. */
import { expect } from "chai";
import Type from "typebox";
import Value from "typebox/value";
import type { Question } from "#core/doctor/port.ts";
import { AGENTS, type FakeCluster, fakeCluster, granted, together } from "../support/doctor-cluster.ts";
import { type Answered, completions, failed, hoop, json, type Script } from "./cli/scripted.ts";

const NODES = granted("way", [{ apiGroups: [""], resources: ["nodes/proxy"], verbs: ["get"] }], [AGENTS]);
const FLOW = granted(
  "flow",
  [{ apiGroups: [""], resources: ["endpoints"], verbs: ["update"] }],
  [AGENTS],
  "shop",
);

/** kubectl before such a cluster. */
function kubectl(cluster: FakeCluster, more: Partial<Script> = {}, whoami: object = {}): Script {
  return {
    ...more,
    answer: async (args, input): Promise<Answered> => {
      if (args[0] === "auth") return json({ status: { userInfo: whoami } });
      if (args[0] === "get") {
        const look = await cluster.port.look(args[2] ?? "");
        if (look.kind === "refused") return failed(`Error from server (Forbidden): ${look.why}`);
        return look.kind === "found" ? json(look.value) : failed("Error from server (NotFound): not found");
      }
      if (args.includes("--dry-run=server")) return more.answer?.(args, input);
      const { items } = JSON.parse(input ?? "") as { items: { spec: Question }[] };
      const answers = await cluster.port.ask(items.map(({ spec }) => spec));
      return { stdout: answers.map((answer) => `${JSON.stringify(answer)}\n`).join("") };
    },
  };
}

const doctor = (cluster: FakeCluster, ...args: string[]) => hoop(["doctor", ...args], kubectl(cluster));

describe("kubectl hoop doctor", () => {
  it("prints what is open, by what, and how to close it", async () => {
    const { code, stdout, stderr } = await doctor(fakeCluster(together(NODES, FLOW)));
    expect({ code, stderr }).to.deep.equal({ code: 1, stderr: "" });
    const [critical = "", medium = "", unchecked = "", summary = ""] = stdout.split("\n\n");
    expect(critical.split("\n")).to.deep.equal([
      "CRITICAL  node-proxy: group hoop:agents: reaches the kubelets' API",
      "          With it a kubelet runs commands in every pod of its node. Asked directly, no API server",
      "          sees it.",
      "          open: get nodes/proxy",
      "            by ClusterRoleBinding way → ClusterRole way → rule 0: " +
        '{apiGroups: [""], resources: ["nodes/proxy"], verbs: ["get"]}',
      "          fix: take it out of ClusterRole way, from everybody bound to it",
      `            kubectl patch clusterrole/way --type=json -p '[{"op":"test","path":"/rules/0","value":` +
        `{"apiGroups":[""],"resources":["nodes/proxy"],"verbs":["get"]}},{"op":"remove","path":"/rules/0"}]'`,
      "          or: take all of ClusterRole way from Group hoop:agents, with ClusterRoleBinding way",
      "            kubectl delete clusterrolebinding/way",
    ]);
    expect(medium)
      .to.match(/^MEDIUM {4}endpoints: .*\n/)
      .and.contain("open: update endpoints in shop\n");
    expect(unchecked).to.match(/^NOT CHECKED\n {10}etcd/);
    expect(summary).to.match(/^1 critical, 1 medium\. Looked at group hoop:agents; \d+ questions asked\.\n$/);
  });

  const exits: Record<string, { cluster: () => FakeCluster; args: string[]; code: number }> = {
    "0 where nothing is found": { cluster: () => fakeCluster(), args: [], code: 0 },
    "0 below the severity asked for": { cluster: () => fakeCluster(FLOW), args: [], code: 0 },
    "1 from the severity asked for on": {
      cluster: () => fakeCluster(FLOW),
      args: ["--fail-on", "medium"],
      code: 1,
    },
    "2 where something may not be looked at": {
      cluster: () => refusing(fakeCluster(FLOW)),
      args: [],
      code: 2,
    },
    "1 where something is found beside that": {
      cluster: () => refusing(fakeCluster(NODES)),
      args: [],
      code: 1,
    },
  };
  const refusing = (cluster: FakeCluster) => {
    cluster.objects.set("/apis", { kind: "refused", why: "no" });
    return cluster;
  };
  for (const [name, { cluster, args, code }] of Object.entries(exits))
    it(`exits with ${name}`, async () => {
      for (const output of ["text", "json", "sarif"])
        expect((await doctor(cluster(), ...args, "-o", output)).code).to.equal(code);
    });

  const unable: Record<string, [Script["answer"], says: string]> = {
    "the API server cannot be reached": [
      () => failed("Unable to connect to the server: refused"),
      "error: Unable to connect to the server: refused\n",
    ],
    "it may not be asked who may do what": [
      (args) =>
        args[0] === "get"
          ? json({ items: [] })
          : failed(
              'Error from server (Forbidden): subjectaccessreviews is forbidden: User "bob" cannot create it',
            ),
      'error: forbidden: User "bob" cannot create it\n',
    ],
    "answers are missing": [
      (args) => (args[0] === "get" ? json({ items: [] }) : { stdout: "{}\n" }),
      "answered\n",
    ],
  };
  for (const [name, [answer, says]] of Object.entries(unable))
    it(`exits with 2 and says so where ${name}`, async () => {
      const { code, stdout, stderr } = await hoop(["doctor"], answer === undefined ? {} : { answer });
      expect({ code, stdout }).to.deep.equal({ code: 2, stdout: "" });
      expect(stderr).to.contain(says);
    });

  it("says what it does while somebody may be watching", async () => {
    const { stderr } = await hoop(["doctor"], kubectl(fakeCluster(), { watched: true }));
    expect(stderr).to.contain("hoop doctor: reading /apis/rbac.authorization.k8s.io/v1/roles\n");
    expect(stderr).to.match(/hoop doctor: asking the API server who may do what: 0 of \d+\n/);
  });

  it("prints nothing that a terminal would act on", async () => {
    const evil = "x\u001b[2J\u202e";
    const { stdout } = await doctor(fakeCluster(granted(evil, NODES.clusterRoles[0]?.rules ?? [], [AGENTS])));
    for (const character of ["\u001b", "\u202e"]) expect(stdout).to.not.contain(character);
  });

  describe("about somebody", () => {
    const asked = (inputs: readonly string[]) =>
      inputs.flatMap((input) =>
        (JSON.parse(input) as { items: { spec: Question }[] }).items.map(({ spec }) => spec),
      );
    const named: Record<string, { args: string[]; user: string; groups: string[] }> = {
      "a user": { args: ["--agent", "ci"], user: "ci", groups: ["system:authenticated"] },
      "a user in groups": {
        args: ["--agent", "ci", "--group", "a", "--group", "b"],
        ...{ user: "ci", groups: ["a", "b", "system:authenticated"] },
      },
      "a ServiceAccount": {
        args: ["--agent", "jobs/runner"],
        user: "system:serviceaccount:jobs:runner",
        groups: ["system:serviceaccounts", "system:serviceaccounts:jobs", "system:authenticated"],
      },
      "a ServiceAccount by its whole name": {
        args: ["--agent", "system:serviceaccount:jobs:runner"],
        user: "system:serviceaccount:jobs:runner",
        groups: ["system:serviceaccounts", "system:serviceaccounts:jobs", "system:authenticated"],
      },
      "any member of a group": {
        args: ["--group", "bots"],
        user: "",
        groups: ["bots", "system:authenticated"],
      },
    };
    for (const [name, { args, user, groups }] of Object.entries(named))
      it(`asks as ${name}`, async () => {
        const { inputs } = await doctor(fakeCluster(), ...args);
        // Of the agents that the cluster knows only whether Hoop is asked about them.
        const isKnown = (one: Question) => one.groups.includes("hoop:agents");
        const [known, ...more] = asked(inputs).filter(isKnown);
        expect(known?.resourceAttributes).to.deep.equal({ verb: "get", group: "", resource: "secrets" });
        expect(more).to.deep.equal([]);
        const others = asked(inputs).filter((one) => !isKnown(one));
        const identities = new Set(others.map((one) => JSON.stringify([one.user, one.groups])));
        expect([...identities].map((text) => JSON.parse(text))).to.deep.equal([
          [user, groups],
          ["system:anonymous", ["system:unauthenticated"]],
        ]);
      });

    const whoami = { username: "ci", groups: ["hoop:agents", "system:authenticated"] };
    const withFile = (answer: Answered) =>
      hoop(
        ["doctor", "--agent-kubeconfig", "agent.kubeconfig", "-o", "json"],
        kubectl(fakeCluster(), { answer: () => answer }, whoami),
      );

    it("asks who a kubeconfig is, and has a held write tried in its name", async () => {
      const { code, calls, stdout } = await withFile({ said: "Warning: hoop: would wait for a human\n" });
      expect({ code, found: JSON.parse(stdout).findings }).to.deep.equal({ code: 0, found: [] });
      expect(JSON.parse(stdout).agents).to.deep.equal(["ci"]);
      const asAgent = calls.filter((args) => args.includes("--kubeconfig=agent.kubeconfig"));
      expect(asAgent.map(([verb]) => verb)).to.deep.equal(["auth", "create"]);
      expect(asAgent[1]).to.include("--dry-run=server");
    });

    it("finds writes that nobody judges", async () => {
      const { code, stdout } = await withFile({ stdout: "role/x\n" });
      expect({ code, ids: JSON.parse(stdout).findings.map(({ id }: { id: string }) => id) }).to.deep.equal({
        code: 1,
        ids: ["writes-not-judged"],
      });
    });

    it("says where the agent may not even try", async () => {
      const { code, stdout } = await withFile(failed("Error from server (Forbidden): no"));
      expect(code).to.equal(2);
      expect(JSON.parse(stdout).notChecked[0].what).to.contain("as ci");
    });

    it("completes the names that bindings have", async () => {
      const stdout =
        "User\t\tci\nServiceAccount\tjobs\trunner\nServiceAccount\tkube-system\tx\nUser\t\tsystem:y\nGroup\t\tg\n";
      const proposed = await completions(["doctor", "--agent", ""], { answer: () => ({ stdout }) });
      expect(proposed.split("\n").map((line) => line.split("\t")[0])).to.include.members([
        "ci",
        "jobs/runner",
      ]);
      expect(proposed).to.not.match(/system:y|kube-system|^g\t/m);
      expect(await completions(["doctor", "--agent-kubeconfig", ""])).to.equal(":0\n");
    });
  });

  it("is valid SARIF, a result for each finding, with its place and its rule", async () => {
    const evil = granted("../a b/ü", NODES.clusterRoles[0]?.rules ?? [], [AGENTS], undefined);
    const cluster = refusing(fakeCluster(together(NODES, FLOW, evil)));
    const { stdout } = await doctor(cluster, "-o", "sarif");
    const report: unknown = JSON.parse(stdout);
    expect([...Value.Errors(SARIF, report)]).to.deep.equal([]);
    if (!Value.Check(SARIF, report)) throw new Error("unreachable");
    const [run] = report.runs;
    expect(run?.results.map(({ ruleId, level }) => [ruleId, level])).to.deep.equal([
      ["node-proxy", "error"],
      ["endpoints", "warning"],
    ]);
    for (const { ruleId, ruleIndex } of run?.results ?? [])
      expect(run?.tool.driver.rules[ruleIndex]?.id).to.equal(ruleId);
    const places = run?.results.flatMap(({ locations }) =>
      locations.flatMap(({ logicalLocations }) => logicalLocations),
    );
    expect(places?.map(({ fullyQualifiedName }) => fullyQualifiedName)).to.include.members([
      "ClusterRole/way",
      "ClusterRoleBinding/way",
      "Role/shop/flow",
    ]);
    expect(run?.invocations[0]?.executionSuccessful).to.equal(false);
  });
});

const Level = Type.Union(["error", "warning", "note", "none"].map((level) => Type.Literal(level)));
const Message = Type.Object({ text: Type.String({ minLength: 1 }) }, { additionalProperties: false });
const Bag = Type.Record(Type.String(), Type.Unknown());
const strict = { additionalProperties: false };
const NonEmpty = Type.String({ minLength: 1 });

/** What of the schema of SARIF 2.1.0 is used, and what code scanning wants of it. */
const SARIF = Type.Object(
  {
    $schema: Type.String({ pattern: "sarif-2\\.1\\.0" }),
    version: Type.Literal("2.1.0"),
    runs: Type.Array(
      Type.Object(
        {
          tool: Type.Object(
            {
              driver: Type.Object(
                {
                  name: NonEmpty,
                  semanticVersion: Type.String({ pattern: "^\\d+\\.\\d+\\.\\d+" }),
                  rules: Type.Array(
                    Type.Object(
                      {
                        id: Type.String({ pattern: "^[a-z-]+$" }),
                        name: NonEmpty,
                        shortDescription: Message,
                        fullDescription: Message,
                        help: Message,
                        defaultConfiguration: Type.Object({ level: Level }, strict),
                        properties: Type.Object(
                          { tags: Type.Array(NonEmpty, { uniqueItems: true }) },
                          strict,
                        ),
                      },
                      strict,
                    ),
                  ),
                },
                strict,
              ),
            },
            strict,
          ),
          invocations: Type.Array(
            Type.Object(
              {
                executionSuccessful: Type.Boolean(),
                toolExecutionNotifications: Type.Array(
                  Type.Object({ level: Level, message: Message }, strict),
                ),
              },
              strict,
            ),
          ),
          results: Type.Array(
            Type.Object(
              {
                ruleId: NonEmpty,
                ruleIndex: Type.Integer({ minimum: 0 }),
                level: Level,
                message: Message,
                locations: Type.Array(
                  Type.Object(
                    {
                      physicalLocation: Type.Object(
                        {
                          artifactLocation: Type.Object(
                            { uri: Type.String({ pattern: "^[A-Za-z0-9._~!*'()%/-]+$" }) },
                            strict,
                          ),
                          region: Type.Object({ startLine: Type.Integer({ minimum: 1 }) }, strict),
                        },
                        strict,
                      ),
                      logicalLocations: Type.Array(
                        Type.Object({ fullyQualifiedName: NonEmpty, kind: NonEmpty }, strict),
                      ),
                    },
                    strict,
                  ),
                ),
                partialFingerprints: Type.Record(Type.String(), Type.String()),
                properties: Bag,
              },
              strict,
            ),
          ),
        },
        strict,
      ),
      { minItems: 1 },
    ),
  },
  strict,
);
