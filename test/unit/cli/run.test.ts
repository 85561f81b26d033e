import { expect } from "chai";
import { NotStarted } from "../../../cli/child.ts";
import { NO_CONNECTION } from "../../../cli/flags.ts";
import { connectionOf } from "../../../cli/run/connection.ts";
import { listener } from "../../../cli/run/heard.ts";
import { approval, approvedBy, failed, hoop, json, type Script } from "./scripted.ts";

const NAME = "delete-ns-prod-7x2k";
const HELD = `Error from server (Forbidden): admission webhook "agents-are-refused-while-hoop-is-unreachable.hoop.dev" denied the request: HELD, not refused. approval=${NAME} namespace=hoop-system rule=namespace-delete state=Pending expires=2026-11-21T10:59:56Z. It waits\n`;
const BY_PERSON = `Error from server (Forbidden): admission webhook "agents-are-refused-while-hoop-is-unreachable.hoop.dev" denied the request: denied by bob: no. approval=hoop-system/${NAME}. Do not look for another way.\n`;
const BY_RULE =
  'error: admission webhook "agents-are-refused-while-hoop-is-unreachable.hoop.dev" denied the request: denied for agents: a token would let it (rule token-request)\n';
const BY_AUTHORIZATION =
  'Error from server (Forbidden): secrets is forbidden: User "agent" cannot list resource "secrets": hoop: agents do not read or edit Secrets (rule secrets)\n';
const DOWN =
  'Error from server (InternalError): failed calling webhook "agents-are-refused-while-hoop-is-unreachable.hoop.dev": refused\n';
const UNTOLD =
  'Error from server (InternalError): admission webhook "agents-are-refused-while-hoop-is-unreachable.hoop.dev" denied the request: could not tell whether this is allowed: no pod\n';
const WARNING = "Warning: hoop: the real request would wait for a human (namespace-delete)\n";

const DELETE = ["--", "kubectl", "delete", "ns", "prod"];
const event = (object: object) => JSON.stringify({ type: "MODIFIED", object });

/** The whole queue of this agent, and a command that ends when all that the watch tells was seen. */
function watched(...states: ReturnType<typeof approval>[]): Script {
  const [first, ...later] = states;
  const over = Promise.withResolvers<void>();
  let lists = 0;
  return {
    answer: (args) => {
      const path = args[2] ?? "";
      if (!path.includes("spec.agent.username")) return undefined;
      const items = [lists++ === 0 ? first : states.at(-1)];
      return { stdout: JSON.stringify({ kind: "ApprovalList", metadata: { resourceVersion: "7" }, items }) };
    },
    watches: [later.map(event), []],
    onWatched: () => over.resolve(),
    commands: [{ code: 1, says: BY_PERSON, until: () => over.promise }],
  };
}

describe("kubectl hoop run", () => {
  it("runs the command as it is typed, with all its own flags", async () => {
    const words = ["kubectl", "get", "ns", "-o", "json", "--", "-x"];
    const { commands, code, stderr, stdout } = await hoop(["run", "--", ...words]);
    expect(commands).to.deep.equal([{ words, input: undefined }]);
    expect({ code, stderr, stdout }).to.deep.equal({ code: 0, stderr: "", stdout: "" });
  });

  const codes: [string, Script, number][] = [
    ["its own code", { commands: [{ code: 3, says: "error: no such thing\n" }] }, 3],
    ["0 where it got through after a hold", { commands: [{ code: 0, says: HELD }] }, 0],
    ["75 where nobody has decided", { approvals: [approval()], commands: [{ code: 1, says: HELD }] }, 75],
    ["75 where it may not see what became of it", { commands: [{ code: 1, says: HELD }] }, 75],
    [
      "75 where it was approved too late for this run",
      { approvals: [approval({ status: approvedBy("bob") })], commands: [{ code: 1, says: HELD }] },
      75,
    ],
    [
      "77 where it was denied meanwhile",
      { approvals: [approval({ status: { phase: "Denied" } })], commands: [{ code: 1, says: HELD }] },
      77,
    ],
    [
      "its own code where it got through later and failed then",
      { approvals: [approval({ status: { phase: "Used" } })], commands: [{ code: 4, says: HELD }] },
      4,
    ],
    ["77 where a person said no", { commands: [{ code: 1, says: BY_PERSON }] }, 77],
    ["77 where a rule said no", { commands: [{ code: 1, says: BY_RULE }] }, 77],
    ["77 where authorization said no", { commands: [{ code: 1, says: BY_AUTHORIZATION }] }, 77],
    ["its own code where Hoop is down", { commands: [{ code: 1, says: DOWN }] }, 1],
    ["its own code where Hoop could not tell", { commands: [{ code: 1, says: UNTOLD }] }, 1],
    ["its own code after a warning", { commands: [{ code: 1, says: WARNING }] }, 1],
    ["130 where it was interrupted", { commands: [{ code: 130 }] }, 130],
  ];
  for (const [what, script, code] of codes)
    it(`exits with ${what}`, async () => {
      expect((await hoop(["run", ...DELETE], script)).code).to.equal(code);
    });

  it("exits as a shell does where there is no such command", async () => {
    const fails = new NotStarted("nosuch", Object.assign(new Error("spawn"), { code: "ENOENT" }));
    const { code, stderr } = await hoop(["run", "--", "nosuch"], { commands: [{ fails }] });
    expect({ code, stderr }).to.deep.equal({ code: 127, stderr: "error: nosuch was not found\n" });
  });

  it("wants a command", async () => {
    const { code, stderr } = await hoop(["run"]);
    expect(code).to.equal(1);
    expect(stderr).to.match(/^error: .*COMMAND/);
  });

  it("says in one line that it is held, and in one what was decided", async () => {
    const denied = approval({
      status: {
        phase: "Denied",
        decisions: [
          {
            user: "bob",
            verdict: "Deny",
            groups: [],
            comment: "not \u001b[2Jtoday",
            time: "2026-11-21T10:00:00Z",
          },
        ],
      },
    });
    const { stderr, calls } = await hoop(["run", ...DELETE], watched(approval(), denied));
    expect(stderr.split("\n").slice(0, 2)).to.deep.equal([
      "hoop: held: delete namespaces/prod waits for 1 person with the right to decide (rule protect-namespaces). " +
        `approval=${NAME} namespace=hoop-system expires in 59m`,
      `hoop: ${NAME}: denied by bob: not \\u{1b}[2Jtoday`,
    ]);
    expect(calls.flat()).to.include(
      "/apis/hoop.dev/v1alpha1/approvals?fieldSelector=spec.agent.username%3Dbob",
    );
  });

  it("tells a use as the approval it follows, and each only once", async () => {
    const used = approval({ status: { ...approvedBy("bob", "CHG-1"), phase: "Used" } });
    const both = await hoop(
      ["run", ...DELETE],
      watched(approval(), approval({ status: approvedBy("bob", "CHG-1") }), used),
    );
    const only = await hoop(["run", ...DELETE], watched(approval(), used));
    for (const { stderr } of [both, only])
      expect(stderr.match(/^hoop: .*approved by bob: CHG-1$/gm)).to.have.length(1);
  });

  it("does not take an older approval about something else for its own", async () => {
    const older = approval({ spec: { target: { ...approval().spec.target, name: "other" } } });
    older.metadata.creationTimestamp = "2026-11-21T09:30:00Z";
    expect((await hoop(["run", ...DELETE], watched(older, older))).stderr).to.not.contain("hoop: held");
    const same = approval();
    same.metadata.creationTimestamp = older.metadata.creationTimestamp;
    expect((await hoop(["run", ...DELETE], watched(same, same))).stderr).to.contain("hoop: held");
  });

  it("tells programs each state as a line of JSON", async () => {
    const denied = approval({ status: { phase: "Denied" } });
    const { stderr } = await hoop(["run", "-o", "json", ...DELETE], watched(approval(), denied));
    const states = stderr
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line));
    expect(states.map(({ state }) => state)).to.deep.equal(["held", "denied", "ended"]);
    expect(states[0]).to.include({
      approval: NAME,
      namespace: "hoop-system",
      expiresAt: "2026-11-21T10:59:56Z",
    });
    expect(states[2]).to.deep.equal({ state: "ended", outcome: "denied", exitCode: 77 });
  });

  it("looks where the command works, if it may not look everywhere", async () => {
    const script = watched(approval(), approval({ status: { phase: "Denied" } }));
    const answer: Script["answer"] = (args, input) =>
      args[2]?.includes("v1alpha1/approvals") === true
        ? failed("Error from server (Forbidden): approvals.hoop.dev is forbidden: not at the cluster scope")
        : script.answer?.(args, input);
    const words = ["--", "kubectl", "delete", "pod", "prod", "-n", "shop"];
    const { stderr, calls } = await hoop(["run", ...words], { ...script, answer });
    expect(stderr).to.contain("hoop: held: ");
    expect(calls.flat().some((word) => word.includes("/namespaces/shop/approvals?watch=true"))).to.equal(
      true,
    );
  });

  it("looks in the namespace of the kubeconfig, where none is named", async () => {
    const script = watched(approval(), approval({ status: { phase: "Denied" } }));
    const contexts = [{ name: "a", context: { cluster: "c", namespace: "shop" } }];
    const clusters = [{ name: "c", cluster: { server: "https://a" } }];
    const answer: Script["answer"] = (args, input) => {
      if (args[0] === "config") return json({ "current-context": "a", contexts, clusters });
      return args[2]?.includes("v1alpha1/approvals") === true
        ? failed("Error from server (Forbidden): approvals.hoop.dev is forbidden: not at the cluster scope")
        : script.answer?.(args, input);
    };
    const { stderr, calls } = await hoop(["run", ...DELETE], { ...script, answer });
    expect(stderr).to.contain("hoop: held: ");
    expect(calls.some(([, , path]) => path?.includes("/namespaces/shop/approvals?watch=true"))).to.equal(
      true,
    );
  });

  describe("in a session", () => {
    const userInfo = { extra: { "hoop.dev/agent": ["oidc:bot"], "hoop.dev/session": ["shop/bot-1"] } };
    const of = (name: string, status: Parameters<typeof approval>[0] = {}) => {
      const session = { namespace: "shop", name, profile: "bot", actingAs: "system:serviceaccount:work:bot" };
      return approval({ spec: { agent: { username: "oidc:bot", groups: [], session } }, ...status });
    };

    it("tells of the agent that the session is of", async () => {
      const script = watched(of("bot-1"), of("bot-1", { status: { phase: "Denied" } }));
      const { stderr, calls } = await hoop(["run", ...DELETE], { ...script, userInfo });
      expect(stderr).to.match(/^hoop: held: .*\nhoop: .*denied/);
      expect(calls.flat()).to.include(
        "/apis/hoop.dev/v1alpha1/approvals?fieldSelector=spec.agent.username%3Doidc%3Abot",
      );
    });

    it("keeps quiet about what its agent asks for elsewhere", async () => {
      const elsewhere = [of("bot-2"), approval({ spec: { agent: { username: "oidc:bot", groups: [] } } })];
      for (const other of elsewhere)
        expect(
          (await hoop(["run", ...DELETE], { ...watched(other, other), userInfo })).stderr,
        ).to.not.contain("held:");
    });
  });

  const cannotSee = (): Script => {
    const refused = Promise.withResolvers<void>();
    return {
      answer: (args) => {
        if (args[0] !== "get") return undefined;
        setImmediate(refused.resolve);
        return failed("Error from server (Forbidden): no");
      },
      commands: [{ until: () => refused.promise }],
    };
  };
  it("keeps quiet where progress cannot be shown, but for a person who reads along", async () => {
    expect((await hoop(["run", ...DELETE], cannotSee())).stderr).to.equal("");
    const { stderr, code } = await hoop(["run", ...DELETE], { ...cannotSee(), watched: true });
    expect(stderr).to.equal("hoop: progress cannot be shown: forbidden: no\n");
    expect(code).to.equal(0);
  });
});

describe("kubectl hoop run --wait", () => {
  /** It ends held, and is decided while we wait. */
  const decidedThen = (status: Parameters<typeof approval>[0], ...more: Script["commands"] & {}): Script => ({
    approvals: [approval()],
    watches: [[event(approval(status))], []],
    commands: [{ code: 1, says: HELD }, ...more],
  });

  it("waits for the decision, and runs it once more", async () => {
    const script = decidedThen({ status: approvedBy("bob") }, { code: 0 });
    const { code, commands, stderr } = await hoop(["run", "--wait", ...DELETE], script);
    expect(code).to.equal(0);
    expect(commands).to.have.length(2);
    expect(commands[1]).to.deep.equal(commands[0]);
    expect(stderr).to.contain(`hoop: ${NAME}: approved by bob\nhoop: running the same command again\n`);
  });

  it("runs it no third time", async () => {
    const script = decidedThen({ status: approvedBy("bob") }, { code: 1, says: HELD });
    const { code, commands } = await hoop(["run", "--wait=10m", ...DELETE], script);
    expect(commands).to.have.length(2);
    expect(code).to.equal(75);
  });

  for (const [phase, code] of [
    ["Denied", 77],
    ["Expired", 75],
    ["Superseded", 75],
    ["Void", 75],
  ] as const)
    it(`exits with ${code} when it becomes ${phase}`, async () => {
      const ran = await hoop(["run", "--wait", ...DELETE], decidedThen({ status: { phase } }));
      expect(ran.commands).to.have.length(1);
      expect(ran.code).to.equal(code);
    });

  it("gives what was on standard input to both runs", async () => {
    const words = ["kubectl", "apply", "-f", "-"];
    const script = { ...decidedThen({ status: approvedBy("bob") }, { code: 0 }), input: "kind: Pod" };
    const { commands } = await hoop(["run", "--wait", "--", ...words], script);
    expect(commands).to.deep.equal([
      { words, input: "kind: Pod" },
      { words, input: "kind: Pod" },
    ]);
  });

  it("refuses what is no duration", async () => {
    const { code, stderr } = await hoop(["run", "--wait=soon", ...DELETE]);
    expect(code).to.equal(1);
    expect(stderr).to.match(/^error: --?wait "soon": not a duration|^error: wait "soon": not a duration/);
  });
});

describe("what a command's words say about its cluster", () => {
  const cases: [string, object][] = [
    ["kubectl delete ns x", {}],
    ["kubectl --context prod -s https://a delete ns x", { context: "prod", server: "https://a" }],
    ["/usr/bin/kubectl --kubeconfig=a=b get ns", { kubeconfig: "a=b" }],
    ["kubectl exec web -- tool --context other", {}],
    ["helm upgrade web . --kube-context prod -n shop", { context: "prod", namespace: "shop" }],
    ["tool --context prod", {}],
  ];
  for (const [words, said] of cases)
    it(words, () => {
      expect(connectionOf(words.split(" "), NO_CONNECTION)).to.deep.equal({ ...NO_CONNECTION, ...said });
    });

  it("but our own flags come first", () => {
    const given = { ...NO_CONNECTION, context: "mine" };
    expect(connectionOf(["kubectl", "--context", "other"], given).context).to.equal("mine");
  });
});

describe("what a command says about Hoop", () => {
  it("is heard across pieces, and each approval once", () => {
    const { hear, heard } = listener();
    for (const piece of [HELD.slice(0, 150), HELD.slice(150), HELD, HELD.replaceAll(NAME, "other-0000")])
      hear(piece);
    expect(heard()).to.deep.equal({
      held: [
        { namespace: "hoop-system", name: NAME },
        { namespace: "hoop-system", name: "other-0000" },
      ],
      denied: false,
    });
  });

  it("is heard where a client prints the answer as JSON", () => {
    const { hear, heard } = listener();
    hear(JSON.stringify({ message: BY_RULE }));
    expect(heard().denied).to.equal(true);
  });
});
