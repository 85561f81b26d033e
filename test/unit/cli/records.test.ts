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
    expect(stdout).to.match(/TIME +CALLER +DIGEST +TRIED +MESSAGE\n/);
    expect(stdout).to.match(/09:59:00\.000000Z +verified +abababababab +<none> +runs as root of the node\n/);
    expect(stdout).to.match(/ +<none> +<none> +<none> +Approve by bob: ok\n/);
    expect(stdout).to.match(/ +shop\/registry \(Audit\) +<none>\n/);
  });

  const selections = {
    "the newest": { args: ["--limit", "2"], finds: "9 10" },
    "all, where no limit is wanted": { args: ["--limit=0"], finds: "7 8 9 10" },
    "those of a user": { args: ["--agent", "eve\u001b[2J"], finds: "8" },
    "those of a ServiceAccount by its short name": { args: ["--agent", "ci/deployer"], finds: "7 9 10" },
    "those of nobody whose name only ends alike": { args: ["--agent", "eployer"], finds: "" },
    "those with an answer": { args: ["--answer", "allowed"], finds: "7 10" },
    "those with a verdict": { args: ["--verdict", "hold"], finds: "8 10" },
    "those where a rule counted": { args: ["--rule", "privileged"], finds: "8 10" },
    "those where a rule was only tried": { args: ["--rule", "shop/registry"], finds: "7" },
    "those of an approval": { args: ["--approval", "create-pod-web-1111"], finds: "8 9 10" },
  };
  for (const [what, { args, finds }] of Object.entries(selections))
    it(`selects ${what}`, async () => {
      expect(names((await hoop(["records", "-oname", ...args], { records: RECORDS })).stdout)).to.equal(
        finds,
      );
    });

  it("lets the server select what it can", async () => {
    const { calls } = await hoop(["records", "--answer=held", "--approval=x", "-n", "shop"]);
    expect(calls[0]?.[2]).to.equal(
      "/apis/hoop.dev/v1alpha1/namespaces/shop/records?fieldSelector=spec.answer%3Dheld%2Cspec.approval.name%3Dx",
    );
  });

  it("looks everywhere with -A, whatever -n says", async () => {
    const { calls } = await hoop(["records", "-A", "-n", "shop"]);
    expect(calls[0]?.[2]).to.equal("/apis/hoop.dev/v1alpha1/records");
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
    expect(names(stdout)).to.equal("10 11 12");
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
