/** The checker of crash runs finds what it is there to find: evidence that is sound, and one broken promise at a time. */
import { expect } from "chai";
import { type Violation, violations } from "../../support/crash/check.ts";
import type {
  ApprovalSeen,
  AuditEvent,
  Evidence,
  RecordSeen,
  RoleSeen,
  Told,
} from "../../support/crash/evidence.ts";

const AGENT = "crash-agent-0";
const START = Date.parse("2026-01-01T00:00:00Z");
const time = (seconds: number) => new Date(START + seconds * 1_000).toISOString();

const told = (wish: string, outcome: Told["outcome"], code: number, approval?: string): Told => ({
  wish,
  began: START,
  ended: START + 1_000,
  outcome,
  code,
  ...(approval === undefined ? {} : { approval }),
});

const approval = (name: string, wish: string, phase: string, verdict?: "Approve" | "Deny"): ApprovalSeen => ({
  metadata: { name },
  spec: wish.startsWith("create")
    ? { target: {}, change: { object: { metadata: { labels: { wish } } } } }
    : { target: { name: wish }, change: {} },
  status: { phase, decisions: verdict === undefined ? [] : [{ user: "ann", verdict }] },
});

const record = (index: number, operation: string, spec: Partial<RecordSeen["spec"]>): RecordSeen => ({
  metadata: { name: String(index), uid: `uid-${index}` },
  spec: { kind: "admission", time: time(0.5), agent: { username: AGENT }, operation, ...spec },
});

const created = (index: number, operation: string, name: string) =>
  record(index, operation, { kind: "approval", event: "created", approval: { name } });

const free = (index: number, name: string, dryRun: boolean) =>
  record(index, "CREATE", { answer: "allowed", target: { name }, ...(dryRun ? { dryRun } : {}) });

const PREFIX = "agents-are-refused-while-hoop-is-unreachable.hoop.dev";

const audited = (verb: string, code: number, name: string, index: number): AuditEvent => ({
  verb,
  user: { username: AGENT },
  responseStatus: { code },
  annotations: {
    [`${PREFIX}/approval`]: `crash-1/${name}`,
    [`${PREFIX}/record`]: String(index),
    [`${PREFIX}/record-${index}`]: `crash-1/${name}`,
  },
});

const role = (name: string, rules: number): RoleSeen => ({
  metadata: { name, ...(name.startsWith("create") ? { labels: { wish: "create" } } : {}) },
  rules: Array.from({ length: rules }, () => ({})),
});

/** A create and an append approved and carried out, a delete denied, one more append that nobody decided yet. */
function sound(): Evidence {
  const approvals = [
    approval("a-create", "create", "Used", "Approve"),
    approval("a-append", "append", "Used", "Approve"),
    approval("a-delete", "delete", "Denied", "Deny"),
    approval("a-later", "later", "Pending"),
  ];
  return {
    wishes: [
      { id: "create", kind: "create", toTheEnd: true },
      { id: "append", kind: "append", toTheEnd: true },
      { id: "delete", kind: "delete", toTheEnd: true },
      { id: "later", kind: "append", toTheEnd: false },
    ],
    kills: [{ victim: "hoop", at: START, back: START }],
    told: [
      told("create", "passed", 201, "a-create"),
      told("append", "held", 429, "a-append"),
      told("append", "passed", 200, "a-append"),
      told("delete", "denied", 403, "a-delete"),
      told("later", "held", 429, "a-later"),
    ],
    free: [
      { name: "free-0", dryRun: false, code: 201 },
      { name: "free-1", dryRun: true, code: 201 },
      { name: "free-2", dryRun: false, code: 0 },
      { name: "free-3", dryRun: false, code: 500 },
    ],
    configMaps: ["free-0", "free-2"],
    decided: [
      { approval: "a-create", user: "ann", verdict: "Approve", code: 200 },
      { approval: "a-append", user: "ann", verdict: "Approve", code: 200 },
      { approval: "a-append", user: "ben", verdict: "Deny", code: 409 },
      { approval: "a-delete", user: "ann", verdict: "Deny", code: 200 },
    ],
    shown: ["a-create", "a-append", "a-delete", "a-later"],
    calm: [
      {
        approvals,
        told: [
          told("create", "held", 429, "b-create"),
          told("delete", "denied", 403, "a-delete"),
          told("later", "held", 429, "a-later"),
        ],
      },
    ],
    approvals: [...approvals, approval("b-create", "create", "Pending")],
    records: [
      created(0, "CREATE", "a-create"),
      created(1, "UPDATE", "a-append"),
      created(2, "DELETE", "a-delete"),
      created(3, "UPDATE", "a-later"),
      record(4, "UPDATE", { answer: "held", approval: { name: "a-append", use: "waiting" } }),
      record(5, "CREATE", { answer: "allowed", approval: { name: "a-create", use: "spent" } }),
      record(6, "UPDATE", { answer: "allowed", approval: { name: "a-append", use: "spent" } }),
      record(7, "DELETE", { answer: "denied", approval: { name: "a-delete", use: "refused" } }),
      created(8, "CREATE", "b-create"),
      free(9, "free-0", false),
      free(10, "free-1", true),
      free(11, "free-2", false),
    ],
    audit: [
      audited("patch", 429, "a-append", 4),
      audited("create", 201, "a-create", 5),
      audited("patch", 200, "a-append", 6),
      audited("delete", 403, "a-delete", 7),
    ],
    roles: [role("create-x7", 1), role("append", 2), role("delete", 1), role("later", 1)],
  };
}

const broken = (change: (evidence: Evidence) => void): Violation[] => {
  const evidence = structuredClone(sound());
  change(evidence);
  return violations(evidence);
};

function at<T>(items: readonly T[], index: number): T {
  const item = items.at(index);
  if (item === undefined) throw new Error(`there is no item ${index}`);
  return item;
}

/** What was done to sound evidence, by the first rule that must say so. */
const SEEDED: readonly [what: string, rule: string, change: (evidence: Evidence) => void][] = [
  [
    "an approval that was acknowledged is pending again",
    "an acknowledged decision stands",
    ({ approvals }) => {
      at(approvals, 1).status = { phase: "Pending", decisions: [] };
    },
  ],
  [
    "a denial that was acknowledged is gone",
    "an acknowledged decision stands",
    ({ approvals }) => {
      at(approvals, 2).status = { phase: "Pending", decisions: [] };
    },
  ],
  [
    "an approval holds, by somebody else's word",
    "an acknowledged decision stands",
    ({ approvals }) => {
      at(approvals, 1).status.decisions = [{ user: "ben", verdict: "Approve" }];
    },
  ],
  [
    "two people were told that theirs is the decision",
    "an approval is decided once",
    ({ decided }) => {
      at(decided, 2).code = 200;
    },
  ],
  [
    "an approval that an agent was told of is missing",
    "nothing that was told of is lost",
    ({ approvals }) => void approvals.splice(3, 1),
  ],
  [
    "an approval that people were shown is missing",
    "nothing that was told of is lost",
    ({ shown }) => void shown.push("a-never"),
  ],
  [
    "an approval was ended by nobody",
    "nothing that was told of is lost",
    ({ approvals }) => {
      at(approvals, 3).status.phase = "Superseded";
    },
  ],
  [
    "two records of the use of one approval",
    "an approval is spent once",
    ({ records }) =>
      void records.push(
        record(9, "CREATE", { answer: "allowed", approval: { name: "a-create", use: "spent" } }),
      ),
  ],
  [
    "two answers by one approval",
    "an approval is spent once",
    ({ told: all }) => void all.push(told("create", "passed", 201, "a-create")),
  ],
  [
    "two writes by one approval in the audit log",
    "an approval is spent once",
    ({ audit }) => void audit.push(audited("create", 201, "a-create", 5)),
  ],
  [
    "a use that nobody approved",
    "what is used was approved, and its use is recorded",
    ({ decided }) => void decided.splice(0, 1),
  ],
  [
    "a use without a record",
    "what is used was approved, and its use is recorded",
    ({ records }) => void records.splice(5, 1),
  ],
  [
    "a record of a use that is undone",
    "what is used was approved, and its use is recorded",
    ({ approvals }) => {
      at(approvals, 0).status.phase = "Approved";
    },
  ],
  [
    "two creations by one approval",
    "nothing takes effect more often than approvals were spent",
    ({ roles }) => void roles.push(role("create-x8", 1)),
  ],
  [
    "a rule appended twice by one approval",
    "nothing takes effect more often than approvals were spent",
    ({ roles }) => void at(roles, 1).rules?.push({}),
  ],
  [
    "a deletion that was denied",
    "nothing takes effect more often than approvals were spent",
    ({ roles }) => void roles.splice(2, 1),
  ],
  [
    "a write that was answered and is lost",
    "what was answered as done is done",
    ({ roles }) => void roles.splice(0, 1),
  ],
  [
    "an allow without a record",
    "every answered allow has its record",
    ({ told: all }) => void all.push(told("create", "passed", 201, "a-other")),
  ],
  [
    "a pass without an approval",
    "every answered allow has its record",
    ({ told: all }) => void all.push(told("create", "passed", 201)),
  ],
  [
    "a write that Hoop never saw",
    "the audit log's annotations name the records",
    ({ audit }) => {
      at(audit, 1).annotations = {};
    },
  ],
  [
    "a refusal without its record",
    "the audit log's annotations name the records",
    ({ records }) => void records.splice(7, 1),
  ],
  [
    "an annotation with another approval's record",
    "the audit log's annotations name the records",
    ({ audit }) => {
      at(audit, 1).annotations = audited("create", 201, "a-append", 5).annotations ?? {};
    },
  ],
  [
    "a write that its record calls held",
    "the audit log's annotations name the records",
    ({ audit }) => {
      at(audit, 0).responseStatus = { code: 200 };
    },
  ],
  [
    "a record of another agent",
    "the audit log's annotations name the records",
    ({ records }) => {
      at(records, 4).spec.agent = { username: "somebody" };
    },
  ],
  [
    "a record of another operation",
    "the audit log's annotations name the records",
    ({ records }) => {
      at(records, 4).spec.operation = "DELETE";
    },
  ],
  [
    "an empty audit log",
    "the audit log knows what was answered",
    ({ audit }) => void audit.splice(0, audit.length),
  ],
  [
    "a use that the agent, answered all the time, knows nothing of",
    "an approval is used up unanswered only where its request was cut",
    ({ told: all, audit }) => {
      all.splice(0, 1);
      audit.splice(1, 1);
    },
  ],
  [
    "a request that is never answered for good",
    "who asks to the end gets an end",
    ({ told: all }) => void all.splice(2, 1),
  ],
  [
    "an approval for what nobody asked",
    "approvals are for what was asked",
    ({ approvals }) => void approvals.push(approval("a-stray", "stray", "Pending")),
  ],
  [
    "a create that passes again in the calm",
    "asked again in the calm, each request finds its decision",
    ({ calm }) => {
      at(at(calm, 0).told, 0).outcome = "passed";
    },
  ],
  [
    "a denial that is asked anew",
    "asked again in the calm, each request finds its decision",
    ({ calm }) => {
      at(at(calm, 0).told, 1).outcome = "held";
    },
  ],
  [
    "a question that is put twice",
    "asked again in the calm, each request finds its decision",
    ({ calm }) => {
      at(at(calm, 0).told, 2).approval = "b-create";
    },
  ],
  [
    "an approval that does not let its request through",
    "asked again in the calm, each request finds its decision",
    ({ calm }) => {
      at(at(calm, 0).approvals, 3).status.phase = "Approved";
    },
  ],
];

describe("the checker of crash runs", () => {
  it("finds nothing in sound evidence", () => {
    expect(violations(sound())).to.deep.equal([]);
  });

  it("takes a use that was not answered where the request was cut at that time", () => {
    const cut = broken((evidence) => {
      evidence.told[0] = told("create", "cut", 0);
      evidence.wishes[0] = { id: "create", kind: "create", toTheEnd: false };
    });
    expect(cut).to.deep.equal([]);
  });

  it("takes a gap in the audit log where the API server was killed at that time", () => {
    const gap = broken((evidence) => {
      evidence.audit.splice(1, 1);
      evidence.kills.push({ victim: "kube-apiserver", at: START + 1_200, back: START + 9_000 });
    });
    expect(gap).to.deep.equal([]);
  });

  /** Sound but for the annotation: a conflict made the API server ask again, when `a-append` had let it through before. */
  const admittedAgain = (annotations: Record<string, string>) =>
    broken((evidence) => {
      const append = (index: number, name: string, use: string) =>
        record(index, "UPDATE", { answer: "allowed", approval: { name, use } });
      evidence.records.push(append(9, "a-append", "re-entered"), append(10, "a-later", "spent"));
      at(evidence.approvals, 3).status = approval("a-later", "later", "Used", "Approve").status;
      evidence.decided.push({ approval: "a-later", user: "ann", verdict: "Approve", code: 200 });
      evidence.told.push(told("later", "passed", 200, "a-later"));
      at(evidence.roles, 3).rules?.push({});
      at(evidence.calm, 0).told.pop();
      const event = audited("patch", 200, "a-append", 9);
      evidence.audit.push({ ...event, annotations: { ...event.annotations, ...annotations } });
    });

  it("takes a write that was admitted again as one by the last approval its annotations name", () => {
    expect(admittedAgain({ [`${PREFIX}/record-10`]: "crash-1/a-later" })).to.deep.equal([]);
  });

  it("finds a write whose annotations do not name the approval it was admitted by in the end", () => {
    const rules = admittedAgain({}).map(({ rule }) => rule);
    expect(rules).to.include("an approval is spent once");
    expect(rules).to.include("the audit log knows what was answered");
  });

  for (const [what, rule, change] of SEEDED)
    it(`finds ${what}`, () => {
      expect(broken(change).map((violation) => violation.rule)).to.include(rule);
    });
});
