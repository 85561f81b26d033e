import { expect } from "chai";
import { failed, hoop } from "./scripted.ts";

const POD = { group: "", version: "v1", resource: "pods", kind: "Pod", namespace: "shop", name: "web" };

function record(name: number, spec: object) {
  return {
    apiVersion: "hoop.dev/v1alpha1",
    kind: "Record",
    metadata: { name: String(name), namespace: "shop" },
    spec: {
      kind: "admission",
      time: "2026-11-21T09:59:00.000000Z",
      caller: "verified",
      agent: { username: "system:serviceaccount:ci:deployer", groups: [] },
      operation: "CREATE",
      target: POD,
      dryRun: false,
      verdict: "allow",
      answer: "allowed",
      rules: [],
      ...spec,
    },
  };
}

const RULES = [{ name: "privileged", message: "runs as root of the node" }];
const USE = { namespace: "shop", name: "create-pod-web-1111" };
const RECORDS = [
  record(10, {
    verdict: "hold",
    answer: "allowed",
    rules: RULES,
    approval: { ...USE, use: "spent" },
    digest: "ab".repeat(32),
  }),
  record(8, {
    verdict: "hold",
    answer: "held",
    rules: RULES,
    approval: { ...USE, use: "waiting" },
    agent: { username: "eve\u001b[2J", groups: [] },
  }),
  record(9, {
    kind: "approval",
    event: "decided",
    phase: "Approved",
    approval: USE,
    decision: { user: "bob", verdict: "Approve", comment: "ok" },
  }),
  record(7, {
    dryRun: true,
    observed: [{ name: "shop/registry", message: "from elsewhere", action: "Hold", mode: "Audit" }],
  }),
];
const names = (stdout: string) => stdout.replaceAll("record.hoop.dev/", "").trim().split("\n").join(" ");

describe("kubectl hoop records", () => {
  it("lists what was asked and answered, newest last", async () => {
    const { code, stdout } = await hoop(["records"], { records: RECORDS });
    expect(code).to.equal(0);
    expect(stdout).to.equal(
      [
        "NAMESPACE   NAME   ANSWER     AGENT                               OPERATION          TARGET     RULE         APPROVAL                        AGE",
        "shop        7      allowed    system:serviceaccount:ci:deployer   create (dry run)   pods/web   <none>       <none>                          60s",
        "shop        8      held       eve\\u{1b}[2J                        create             pods/web   privileged   create-pod-web-1111 (waiting)   60s",
        "shop        9      Approved   system:serviceaccount:ci:deployer   create             pods/web   <none>       create-pod-web-1111             60s",
        "shop        10     allowed    system:serviceaccount:ci:deployer   create             pods/web   privileged   create-pod-web-1111 (spent)     60s",
        "",
      ].join("\n"),
    );
  });

  it("tells more when there is room for it", async () => {
    const { stdout } = await hoop(["records", "-owide"], { records: RECORDS });
    expect(stdout).to.match(/TIME +OUTCOME +CALLER +DIGEST +TRIED +MESSAGE\n/);
    expect(stdout).to.match(
      /09:59:00\.000000Z +<none> +verified +abababababab +<none> +runs as root of the node\n/,
    );
    expect(stdout).to.match(/ +<none> +<none> +<none> +Approve by bob: ok\n/);
    expect(stdout).to.match(/ +shop\/registry \(Audit\) +from elsewhere\n/);
  });

  it("tells beside a request what came of it, as the server has it, as soon as that is told", async () => {
    const open = { schema: "hoop.dev/admission/v3", effect: "open" };
    const told = { ...record(1, open), status: { outcome: { record: "5", result: "took-effect" } } };
    const records = [told, record(2, open), record(3, { ...open, effect: "none" })];
    const { stdout } = await hoop(["records", "-owide"], { records });
    const outcomes = stdout
      .trimEnd()
      .split("\n")
      .map((line) => line.split(/ {2,}/)[10]);
    expect(outcomes).to.deep.equal(["OUTCOME", "took-effect", "open", "<none>"]);
    const { stdout: json } = await hoop(["records", "-ojson"], { records });
    expect(JSON.parse(json).items[0].status).to.deep.equal(told.status);
  });

  it("tells what came of it, and of requests that no admission has seen", async () => {
    const request = {
      kind: "request",
      verb: "get",
      uri: "/api/v1/pods",
      stage: "ResponseComplete",
      code: 200,
    };
    const records = [
      record(1, { kind: "outcome", agent: undefined, of: 0, source: "audit", result: "took-effect" }),
      record(2, { ...request, target: { ...POD, subresource: "log" } }),
      record(3, { ...request, target: undefined, code: undefined }),
    ];
    const { stdout } = await hoop(["records"], { records });
    const rows = stdout
      .trimEnd()
      .split("\n")
      .slice(1)
      .map((line) => line.split(/ {2,}/).slice(1, 6).join("|"));
    expect(rows).to.deep.equal([
      "1|took-effect|<none>|<none>|record 0",
      "2|200|system:serviceaccount:ci:deployer|get log|pods/web",
      "3|ResponseComplete|system:serviceaccount:ci:deployer|get|/api/v1/pods",
    ]);
  });

  it("tells of a session who used it, for what, and how that ended", async () => {
    const session = { namespace: "shop", name: "deploy-1", uid: "u" };
    const call = { kind: "brokered", session, verb: "list", method: "GET", uri: "/api/v1/pods" };
    const records = [
      record(1, { kind: "session", session, event: "begun" }),
      record(2, { ...call, event: "request", target: { ...POD, name: undefined } }),
      record(3, { ...call, event: "response", target: undefined, code: 403 }),
    ];
    const { stdout } = await hoop(["records"], { records });
    const rows = stdout
      .trimEnd()
      .split("\n")
      .slice(1)
      .map((line) => line.split(/ {2,}/).slice(1, 6).join("|"));
    const who = "system:serviceaccount:ci:deployer";
    expect(rows).to.deep.equal([
      `1|session|${who}|begun|sessions/deploy-1`,
      `2|request|${who}|list|pods`,
      `3|403|${who}|list|/api/v1/pods`,
    ]);
  });

  const selections: Record<string, { args: string[]; asks: string }> = {
    "the newest": { args: ["--limit", "2"], asks: "newest=2" },
    "all, where no limit is wanted": { args: ["--limit=0"], asks: "" },
    "those of an agent, however it is spelled": {
      args: ["--agent", "ci=a,b"],
      asks: "agent=ci\\=a\\,b,newest=50",
    },
    "those of a resource": { args: ["--resource=pods/exec"], asks: "resource=pods/exec,newest=50" },
    "those of a session": { args: ["--session=s-1"], asks: "session=s-1,newest=50" },
    "those with an answer": { args: ["--answer", "allowed"], asks: "answer=allowed,newest=50" },
    "those with a verdict": { args: ["--verdict", "hold"], asks: "verdict=hold,newest=50" },
    "those where a rule fired": { args: ["--rule", "shop/registry"], asks: "rule=shop/registry,newest=50" },
    "those of an approval": { args: ["--approval=a-1111"], asks: "approval=a-1111,newest=50" },
    "those of a kind": { args: ["--kind", "outcome"], asks: "kind=outcome,newest=50" },
    "those with words": { args: ["--search", 'nginx* "a b"'], asks: 'text=nginx* "a b",newest=50' },
    "those of some time": {
      args: ["--since", "2h", "--until=2026-11-21T09:30:00.5+01:00"],
      asks: "since=2026-11-21T08:00:00.000000Z,until=2026-11-21T08:30:00.500000Z,newest=50",
    },
  };
  for (const [what, { args, asks }] of Object.entries(selections))
    it(`has the server select ${what}`, async () => {
      const { calls, stdout } = await hoop(["records", "-oname", ...args], { records: RECORDS });
      const asked = new URL(calls[0]?.[2] ?? "", "https://cluster.invalid").searchParams;
      expect(asked.get("fieldSelector") ?? "").to.equal(asks);
      expect(names(stdout)).to.equal("7 8 9 10");
    });

  it("reads page by page", async () => {
    const asked: string[] = [];
    const { stdout } = await hoop(["records", "-oname", "--limit=0"], {
      answer: (args) => {
        const url = new URL(args[2] ?? "", "https://cluster.invalid");
        asked.push(`${url.searchParams.get("limit")} ${url.searchParams.get("continue")}`);
        const at = asked.length;
        const metadata = { resourceVersion: "7", ...(at < 3 ? { continue: `page-${at}` } : {}) };
        return { stdout: JSON.stringify({ kind: "RecordList", metadata, items: [record(at, {})] }) };
      },
    });
    expect(asked).to.deep.equal(["500 null", "500 page-1", "500 page-2"]);
    expect(names(stdout)).to.equal("1 2 3");
  });

  for (const [flag, why] of [
    ["--since=yesterday", /neither a time/],
    ["--search= ", /it is empty/],
    ["--verdict=maybe", /maybe/],
    ["--kind=outcom", /not a kind of record: admission, .*session, brokered/],
  ] as const)
    it(`refuses ${flag}`, async () => {
      const { code, stderr } = await hoop(["records", flag]);
      expect(code).to.equal(1);
      expect(stderr).to.match(why);
    });

  it("looks everywhere with -A, whatever -n says", async () => {
    const { calls } = await hoop(["records", "-A", "-n", "shop"]);
    expect(calls[0]?.[2]).to.match(/^\/apis\/hoop\.dev\/v1alpha1\/records\?/);
  });

  it("says so when there are none", async () => {
    const { code, stdout, stderr } = await hoop(["records"]);
    expect({ code, stdout, stderr }).to.deep.equal({ code: 0, stdout: "", stderr: "No records found.\n" });
  });

  it("follows the ledger, each record once", async () => {
    const event = (object: object) => JSON.stringify({ type: "ADDED", object });
    const { code, stdout } = await hoop(["records", "-w", "-oname", "--limit=1"], {
      records: RECORDS,
      watches: [[event(record(10, {})), event(record(11, {}))], [event(record(12, {}))]],
    });
    expect(code).to.equal(0);
    expect(names(stdout)).to.equal("7 8 9 10 11 12");
  });

  it("follows from before the last version, of which it may have been told half", async () => {
    const event = (name: number, resourceVersion: string) => {
      const { metadata, ...rest } = record(name, {});
      return JSON.stringify({
        type: "ADDED",
        object: { ...rest, metadata: { ...metadata, resourceVersion } },
      });
    };
    const { calls, stdout } = await hoop(["records", "-w", "-oname", "--answer=held"], {
      records: [],
      watches: [
        [event(10, "20"), event(11, "21")],
        [event(11, "21"), event(12, "21")],
      ],
    });
    expect(names(stdout)).to.equal("10 11 12");
    const asked = calls.map((call) => new URL(call[2] ?? "", "https://cluster.invalid").searchParams);
    const watches = asked.filter((parameters) => parameters.get("watch") === "true");
    expect(watches.map((parameters) => parameters.get("resourceVersion")).slice(0, 2)).to.deep.equal([
      "7",
      "20",
    ]);
    for (const parameters of watches) expect(parameters.get("fieldSelector")).to.equal("answer=held");
  });

  it("says so when the server offers no watch of them", async () => {
    const { code, stderr } = await hoop(["records", "-w"], {
      answer: () => ({
        stdout: JSON.stringify({
          kind: "APIResourceList",
          resources: [{ name: "records", verbs: ["list"] }],
        }),
      }),
    });
    expect(code).to.equal(1);
    expect(stderr).to.equal("error: this server offers no watch of records\n");
  });

  it("refuses a limit that is no number", async () => {
    const { code, stderr } = await hoop(["records", "--limit=many"], { answer: () => failed("") });
    expect(code).to.equal(1);
    expect(stderr).to.match(/^error: limit "many": not a number of records/);
  });
});
