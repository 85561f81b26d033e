/** What each format writes of an entry. */
import { expect } from "chai";
import type { JsonObject } from "#core/admission.ts";
import { canonical } from "#core/canonical.ts";
import { audit } from "#core/export/audit.ts";
import { csv, csvRow } from "#core/export/csv.ts";
import type { Exported } from "#core/export/exported.ts";
import { type Filter, Selection } from "#core/export/filter.ts";
import { jsonl, readLine } from "#core/export/jsonl.ts";
import { ocsf } from "#core/export/ocsf.ts";
import { sealPayload } from "#core/log/payload.ts";

const WEB = {
  ...{ group: "apps", version: "v1", resource: "deployments" },
  ...{ kind: "Deployment", namespace: "shop", name: "web" },
};

const held: JsonObject = {
  schema: "hoop.dev/admission/v3",
  kind: "admission",
  time: "2026-11-21T09:59:56.000123Z",
  request: "b6f0",
  effect: "none",
  caller: "verified",
  agent: {
    username: "system:serviceaccount:ci:deployer",
    groups: ["hoop:agents", "system:authenticated"],
    credentialID: "JTI=1",
  },
  operation: "DELETE",
  target: WEB,
  dryRun: false,
  verdict: "hold",
  rules: [{ name: "protect", message: "<b>" }],
  answer: "held",
  message: "HELD",
  approval: { namespace: "shop", name: "delete-web", use: "waiting" },
};
const read: JsonObject = {
  schema: "hoop.dev/request/v1",
  kind: "request",
  time: "2026-11-21T10:00:00.000000Z",
  agent: { username: "bot", groups: [] },
  auditID: "a1",
  stage: "ResponseComplete",
  verb: "list",
  uri: "/api/v1/pods?limit=5",
  target: { group: "", version: "v1", resource: "pods" },
  code: 200,
  received: "2026-11-21T09:59:59.900000Z",
  completed: "2026-11-21T09:59:59.950000Z",
  userAgent: "kubectl",
  sourceIPs: ["10.0.0.1", "10.0.0.2"],
};
const decided: JsonObject = {
  schema: "hoop.dev/approval/v1",
  kind: "approval",
  time: "2026-11-21T10:01:00.000000Z",
  event: "decided",
  approval: { namespace: "shop", name: "delete-web" },
  agent: { username: "bot", groups: [] },
  operation: "DELETE",
  target: WEB,
  digest: "d",
  decision: { user: "bob", verdict: "Approve", comment: "CHG-12" },
  phase: "Approved",
};

function one(entry: JsonObject, more: Partial<Exported> = {}): Exported {
  return { index: 7, text: canonical(entry), entry, payload: undefined, proof: undefined, ...more };
}

const sealed = (value: JsonObject) => sealPayload(Buffer.alloc(32, 5), Buffer.from(canonical(value)));

describe("an export in jsonl", () => {
  const payloads: Record<string, Exported["payload"]> = {
    "no payload": undefined,
    "a payload that was erased": "erased",
    "a payload": sealed({ object: { a: "ü\u2028\n", n: 1.5 } }),
    "a payload that is no JSON": Buffer.alloc(40, 200),
    "a payload that is shorter than its salt": Buffer.from("short"),
    "a payload that is nested as deep as can be": sealPayload(
      Buffer.alloc(32),
      Buffer.from(`${'{"a":'.repeat(499)}1${"}".repeat(499)}`),
    ),
  };
  for (const [what, payload] of Object.entries(payloads))
    it(`reads back each line to the byte: ${what}`, () => {
      const line = jsonl.line(one(held, { payload, proof: [Buffer.alloc(32, 1)] })) ?? "";
      const found = readLine(Buffer.from(line.trimEnd()));
      expect(found).to.deep.include({ kind: "entry" });
      expect(jsonl.line(typeof found !== "string" && found.kind === "entry" ? found.one : one({}))).to.equal(
        line,
      );
      expect(line.split("\n")).to.have.length(2);
    });

  it("takes no line that says the same in another way", () => {
    const line = (jsonl.line(one(held)) ?? "").trimEnd();
    for (const other of [
      line.replace('"index":7', '"index":7.0'),
      ` ${line}`,
      line.replace(":", ": "),
      `${line}\r`,
    ])
      expect(readLine(Buffer.from(other)), other).to.equal("not as it was written");
  });
});

describe("an export in csv", () => {
  const cells: Record<string, [cell: string, written: string]> = {
    "a formula": ["=1+1", '"\'=1+1"'],
    "a formula behind a tab": ["\t=1", '"\'\t=1"'],
    "a formula in full width": ["＝1", '"\'＝1"'],
    "a command": ["@SUM(A1)", '"\'@SUM(A1)"'],
    "a number with a sign": ["-1", '"\'-1"'],
    quotes: ['say "no"', '"say ""no"""'],
    "line ends": ["a\r\nb", '"a\r\nb"'],
    "a comma": ["a,b", '"a,b"'],
    "a name": ["web", "web"],
  };
  for (const [what, [cell, written]] of Object.entries(cells))
    it(`writes ${what} so that it is read as text`, () =>
      expect(csvRow(["x", cell])).to.equal(`x,${written}\r\n`));

  it("has no filter that asks for nothing: that would be an export of all entries with some left out", () => {
    const begin = (filter: Filter) =>
      readLine(Buffer.from(jsonl.begin({ checkpoint: "", payloads: false, filter }).trimEnd()));
    expect(begin({})).to.equal("a filter that this command does not know");
    expect(begin({ agent: "bot" })).to.deep.include({ kind: "begin" });
  });

  it("has a cell for each header", () => {
    const simple = one(decided, { text: "{}" });
    const extent = { checkpoint: "", payloads: false, filter: undefined };
    expect(csv.line(simple)?.split(",")).to.have.length(csv.begin(extent).split(",").length);
    expect(csv.line(simple)).to.contain(",decided,,,bob,Approve,CHG-12,{},");
  });

  it("says of an outcome what it is of, and how that ended", () => {
    const outcome = one({ kind: "outcome", of: 7, result: "refused", code: 409 }, { text: "{}" });
    expect(csv.line(outcome)).to.contain(",refused,7,409,,,,{},");
  });
});

/** Members of audit.k8s.io/v1 Event, in the order of k8s.io/apiserver's type. */
const EVENT = [
  "kind",
  "apiVersion",
  "level",
  "auditID",
  "stage",
  "requestURI",
  "verb",
  "user",
  "impersonatedUser",
  "authenticationMetadata",
  "sourceIPs",
  "userAgent",
  "objectRef",
  "responseStatus",
  "requestObject",
  "responseObject",
  "requestReceivedTimestamp",
  "stageTimestamp",
  "annotations",
];
const REFERENCE = [
  "resource",
  "namespace",
  "name",
  "uid",
  "apiGroup",
  "apiVersion",
  "resourceVersion",
  "subresource",
];
const STATUS = ["metadata", "status", "message", "reason", "details", "code"];

describe("an export in audit.k8s.io", () => {
  const event = (entry: JsonObject, more?: Partial<Exported>) =>
    JSON.parse(audit.line(one(entry, more)) ?? "null");
  const inOrder = (keys: string[], order: string[]) =>
    expect(keys, keys.join()).to.deep.equal(order.filter((key) => keys.includes(key)));

  for (const [what, entry] of Object.entries({ "an admission": held, "a request": read }))
    it(`has the members of the Go types, in their order, of ${what}`, () => {
      const made = event(entry, { payload: sealed({ object: { a: 1 } }) });
      inOrder(Object.keys(made), EVENT);
      inOrder(Object.keys(made.objectRef), REFERENCE);
      inOrder(Object.keys(made.responseStatus), STATUS);
      expect(Object.values(made.annotations).every((value) => typeof value === "string")).to.equal(true);
      for (const time of [made.requestReceivedTimestamp, made.stageTimestamp])
        expect(time).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    });

  it("tells what was held", () => {
    expect(event(held)).to.deep.include({
      level: "Metadata",
      verb: "delete",
      requestURI: "/apis/apps/v1/namespaces/shop/deployments/web",
      responseStatus: {
        metadata: {},
        status: "Failure",
        message: "HELD",
        reason: "TooManyRequests",
        code: 429,
      },
    });
    expect(event(held).annotations).to.include({
      "hoop.dev/record": "7",
      "hoop.dev/approval": "shop/delete-web",
    });
    expect(event(held).auditID).to.match(
      /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
  });

  it("gives back a request as the API server told it", () => {
    expect(event(read)).to.deep.include({
      auditID: "a1",
      verb: "list",
      requestURI: "/api/v1/pods?limit=5",
      sourceIPs: ["10.0.0.1", "10.0.0.2"],
      responseStatus: { metadata: {}, code: 200 },
      requestReceivedTimestamp: "2026-11-21T09:59:59.900000Z",
    });
  });

  it("escapes as Go does, and leaves out what is no request", () => {
    expect(audit.line(one({ ...held, message: "<&>" }))).to.contain("\\u003c\\u0026\\u003e");
    expect(audit.line(one(decided))).to.equal(undefined);
  });
});

describe("an export in ocsf", () => {
  const event = (entry: JsonObject) => JSON.parse(ocsf.line(one(entry)) ?? "null");

  it("tells who decided, from where it came, and how it ended", () => {
    expect(event(decided)).to.deep.include({ activity_id: 99, activity_name: "approve", status_id: 1 });
    expect(event(decided).actor.user.name).to.equal("bob");
    expect(event(read).src_endpoint).to.deep.equal({ ip: "10.0.0.1", intermediate_ips: ["10.0.0.2"] });
    expect(event(held)).to.deep.include({ activity_id: 4, severity_id: 2, time: 1_795_255_196_000 });
    expect(ocsf.line(one({ ...decided, event: "created" }))).to.equal(undefined);
  });
});

describe("what is exported", () => {
  const wanted: Record<string, [filter: Filter, of: JsonObject, isWanted: boolean]> = {
    "by the agent's user name": [{ agent: "bot" }, read, true],
    "by the ServiceAccount's name": [{ agent: "ci/deployer" }, held, true],
    "not by another's": [{ agent: "deployer2" }, held, false],
    "from a time on": [{ since: "2026-11-21T10:00:00.000000Z" }, read, true],
    "not before it": [{ since: "2026-11-21T10:00:00.000000Z" }, held, false],
    "up to a time, and not at it": [{ until: "2026-11-21T10:00:00.000000Z" }, read, false],
    "by kind": [{ kinds: ["request", "gap"] }, read, true],
    "by rule": [{ rule: "protect" }, held, true],
    "by all that is given": [{ rule: "protect", namespace: "other" }, held, false],
    "by approval": [{ approval: "delete-web" }, decided, true],
    "by verdict and answer": [{ verdict: "hold", answer: "held" }, held, true],
    "by resource": [{ resource: "pods" }, held, false],
  };
  for (const [how, [filter, entry, isWanted]] of Object.entries(wanted))
    it(`is chosen ${how}`, () => expect(new Selection(filter).accepts(0, entry)).to.equal(isWanted));

  it("has the outcome of each entry that is in it, and no other's", () => {
    const open = { ...held, effect: "open" };
    const outcome = (of: number): JsonObject => ({
      kind: "outcome",
      of,
      time: "2026-11-21T10:02:00.000000Z",
    });
    const selection = new Selection({ agent: "ci/deployer" });
    const accepted = [
      open,
      { ...open, agent: { username: "other" } },
      outcome(1),
      outcome(0),
      outcome(0),
    ].map((entry, index) => selection.accepts(index, entry));
    expect(accepted).to.deep.equal([true, false, false, true, false]);
  });
});
