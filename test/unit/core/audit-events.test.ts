/** What is read out of audit events, what of it is kept, and what it says of admissions. */
import { expect } from "chai";
import type { JsonObject } from "#core/admission.ts";
import { agentMatcher } from "#core/agents.ts";
import { agentOf, isOpenOf, type Numbered, outcomesOf, requestEntry } from "#core/audit/entries.ts";
import { type AuditEvent, decodeEvents } from "#core/audit/event.ts";
import { givesTooMuch, maskedBodies, maskedMessage, maskedUri } from "#core/audit/mask.ts";
import { implicitSession } from "#core/session/extras.ts";
import { auditEvent, decodedEvents, eventList, naming, PREFIX } from "../../support/audit-events.ts";
import { admissionEntry } from "../../support/ledger/made.ts";

function event(given: JsonObject = {}): AuditEvent {
  const [first] = decodedEvents(auditEvent(given)).events;
  if (first === undefined) throw new Error("it is not read");
  return first;
}

const agents = agentMatcher(
  { groups: ["hoop:agents"], users: [], serviceAccounts: [], extras: {} },
  "system:serviceaccount:hoop-system:hoop",
);

describe("an EventList of audit.k8s.io/v1", () => {
  it("is read item by item: the stage RequestReceived tells nothing, and an odd item loses none of the others", () => {
    const list = eventList(
      auditEvent({ stage: "RequestReceived" }),
      null,
      { stage: "ResponseComplete" },
      auditEvent({ stage: "Elsewhere" }),
      auditEvent(),
      auditEvent({
        stage: "Panic",
        responseStatus: null,
        objectRef: "x",
        annotations: [],
        user: { username: "a" },
      }),
    );
    const read = decodeEvents(list);
    expect(read?.events.map(({ stage }) => stage)).to.deep.equal(["ResponseComplete", "Panic"]);
    expect(read?.unread).to.equal(3);
  });

  const OTHERS: Record<string, JsonObject> = {
    "another kind": { ...eventList(), kind: "Event" },
    "another version": { ...eventList(), apiVersion: "audit.k8s.io/v1beta1" },
    "items that are no list": { ...eventList(), items: "all" },
  };
  for (const [name, value] of Object.entries(OTHERS))
    it(`is not what has ${name}`, () => expect(decodeEvents(value)).to.equal(undefined));

  it("names each admission once, in their order, whoever else annotates", () => {
    const annotations = {
      ...naming(12, 7),
      [`${PREFIX}record-x`]: "",
      "other.dev/record": "3",
      [`${PREFIX}records`]: "4",
    };
    expect(event({ annotations }).records).to.deep.equal([7, 12]);
  });

  it("has no body that is nested too deeply, and says that it is cut", () => {
    let deep: JsonObject = {};
    for (let level = 0; level < 5_000; level += 1) deep = { in: deep };
    const read = event({ requestObject: deep, responseObject: { kind: "ConfigMap" } });
    expect(read).to.deep.include({
      requestObject: undefined,
      responseObject: { kind: "ConfigMap" },
      truncated: true,
    });
    expect(event({ annotations: { "audit.k8s.io/truncated": "true" } }).truncated).to.equal(true);
    expect(event().truncated).to.equal(false);
  });
});

describe("of an audit event is kept", () => {
  const URIS: Record<string, string> = {
    "/api/v1/pods?limit=500&labelSelector=app%3Dshop": "/api/v1/pods?limit=500&labelSelector=app=shop",
    "/x/exec?command=mysql&command=--password&command=hunter2&stdin":
      "/x/exec?command=mysql&command=--password&command=[masked: value]&stdin",
    "/x/exec?command=sh&command=-c&command=curl+-H+%22Authorization%3A+Bearer+abcdefgh12345678%22":
      '/x/exec?command=sh&command=-c&command=curl -H "Authorization: Bearer [masked: token]"',
    "/x/proxy/login?user=bob&password=hunter2": "/x/proxy/login?user=bob&password=[masked: value]",
    "/x/proxy/?access_token=abc": "/x/proxy/?access_token=[masked: value]",
    "/x/proxy/%E0%A4%A?a=%ff": "/x/proxy/%E0%A4%A?a=%ff",
  };
  for (const [uri, shown] of Object.entries(URIS))
    it(`of ${uri} what is no secret`, () => expect(maskedUri(uri)).to.equal(shown));

  const secret = { kind: "Secret", apiVersion: "v1", data: { pw: "aHVudGVyMg==" } };
  const pod = {
    kind: "Pod",
    spec: { containers: [{ name: "m", image: "app:1", env: [{ name: "DB_PASSWORD", value: "hunter2" }] }] },
  };
  const BODIES: Record<string, [given: JsonObject, kept: unknown]> = {
    "of a Pod all but values that are secret by their name": [
      { objectRef: { resource: "pods", apiVersion: "v1" }, requestObject: pod },
      {
        requestObject: {
          kind: "Pod",
          spec: {
            containers: [
              { name: "m", image: "app:1", env: [{ name: "DB_PASSWORD", value: "[masked: value]" }] },
            ],
          },
        },
      },
    ],
    "of a Secret nothing": [
      { objectRef: { resource: "secrets", apiVersion: "v1" }, requestObject: secret, responseObject: secret },
      {},
    ],
    "of a token nothing": [
      {
        objectRef: { resource: "serviceaccounts", subresource: "token" },
        responseObject: { status: { token: "x" } },
      },
      {},
    ],
    "of a Secret in a list no value": [
      {
        objectRef: { resource: "things", apiGroup: "x.dev" },
        requestObject: { kind: "List", items: [secret] },
      },
      {
        requestObject: {
          kind: "List",
          items: [{ kind: "Secret", apiVersion: "v1", data: { pw: "[masked: Secret value]" } }],
        },
      },
    ],
    "of a merge patch of a ConfigMap what the ConfigMap would show": [
      { requestObject: { data: { DB_PASSWORD: "hunter2", mode: "fast" } } },
      { requestObject: { data: { DB_PASSWORD: "[masked: value]", mode: "fast" } } },
    ],
    "of a JSON Patch its places, and no value": [
      {
        requestObject: [
          { op: "add", path: "/data/x", value: "hunter2" },
          { op: "remove", path: "/data/y" },
          1,
        ],
      },
      {
        requestObject: [
          { op: "add", path: "/data/x", value: "[masked: value]" },
          { op: "remove", path: "/data/y" },
          "[masked: value]",
        ],
      },
    ],
    "of a patch that is no JSON nothing": [
      { requestObject: "data:\n  pw: hunter2\n" },
      { requestObject: "[masked: value]" },
    ],
  };
  for (const [name, [given, kept]] of Object.entries(BODIES))
    it(name, () => expect(maskedBodies(event(given))).to.deep.equal(kept));

  it("of a message what quotes nothing secret, and of one about Secrets nothing", () => {
    const responseStatus = {
      code: 422,
      message: 'spec.x: Invalid value: "hunter\\"2": no; password=hunter2',
    };
    expect(maskedMessage(event({ responseStatus }))).to.equal(
      "spec.x: Invalid value: [masked: value]: no; password=[masked: value]",
    );
    expect(maskedMessage(event({ responseStatus, objectRef: { resource: "secrets" } }))).to.equal(undefined);
  });

  it("of a message about Secrets by which rule of ours it was denied, in our words alone", () => {
    const about = (message: string, code = 403) =>
      maskedMessage(event({ responseStatus: { code, message }, objectRef: { resource: "secrets" } }));
    const words = "hoop: agents do not act as somebody else (rule impersonation)";
    expect(about(`users "b" is forbidden: User "a" cannot impersonate: ${words}`)).to.equal(words);
    expect(about("x: hoop: hunter2 (rule impersonation)")).to.equal(words);
    expect(about("x: hoop: hunter2 (rule session-required)")).to.match(
      /^hoop: [^2]+ \(rule session-required\)$/,
    );
    expect(about("x: hoop: hunter2 (rule other)")).to.equal(undefined);
    expect(about(`x: ${words}`, 422)).to.equal(undefined);
    expect(about("hunter2 is forbidden")).to.equal(undefined);
  });

  const WHOLE: Record<string, string> = {
    "in JSON": 'spec.template: Invalid value: {"env":[{"name":"DB","value":"hunter2"}]}: field is immutable',
    "in a list": 'spec.x: Invalid value: ["a b", "hunter2"]: no',
    "in Go's words": 'spec.x: Invalid value: core.Pod{Env:[]core.EnvVar{{Value:"hunter2"}}}: no',
    "where it differs": 'spec: Forbidden: may not change\n  core.PodSpec{\n- \tValue: "hunter2",\n  }',
  };
  for (const [how, message] of Object.entries(WHOLE))
    it(`of a message nothing of an object that it quotes ${how}`, () =>
      expect(maskedMessage(event({ responseStatus: { code: 422, message } })))
        .to.match(/^spec.*\[masked: value\]$/s)
        .and.not.include("hunter2"));

  it("that the policy gives too much, where it gives bodies of Secrets or tokens", () => {
    const about = { objectRef: { resource: "secrets", apiVersion: "v1" } };
    expect(givesTooMuch(event({ ...about, requestObject: secret }))).to.equal(true);
    expect(givesTooMuch(event({ ...about, responseObject: { kind: "Status", code: 403 } }))).to.equal(false);
    expect(givesTooMuch(event(about))).to.equal(false);
    expect(givesTooMuch(event({ requestObject: pod }))).to.equal(false);
  });

  it("whose request it is: of an agent, or of whoever acts as one, and else of nobody", () => {
    const agent = { username: "agent", groups: ["hoop:agents"] };
    const person = { username: "bob", groups: ["ops"] };
    const names = (given: JsonObject) => agentOf(agents, event(given))?.username;
    expect(names({})).to.equal("agent");
    expect(names({ user: person, impersonatedUser: agent })).to.equal("agent");
    expect(names({ user: agent, impersonatedUser: person })).to.equal("agent");
    expect(names({ user: person })).to.equal(undefined);
    expect(names({ user: { username: "agent", groups: ["hoop:agents", "system:masters"] } })).to.equal(
      undefined,
    );
  });

  it("a request in a session is its agent's", () => {
    const session = {
      ...{ namespace: "demo", name: "task", uid: "u1", profile: "ci" },
      agent: { username: "ann", groups: [], credentialID: "ann-cert" },
    };
    const { entry } = requestEntry(event(), { user: event().user, session }, 0, undefined);
    expect(entry).to.deep.include({ agent: session.agent, actingAs: "agent", session: "demo/task" });
  });

  it("a request as it was: who, what, when, from where, and how it ended", () => {
    const { entry, payload } = requestEntry(
      event({
        verb: "get",
        objectRef: { resource: "pods", subresource: "log", namespace: "demo", name: "p", apiVersion: "v1" },
      }),
      { user: event().user, session: undefined },
      0,
      undefined,
    );
    expect(payload).to.deep.equal({});
    expect(entry).to.deep.equal({
      schema: "hoop.dev/request/v1",
      kind: "request",
      time: "1970-01-01T00:00:00.000000Z",
      agent: {
        username: "agent",
        groups: ["hoop:agents", "system:authenticated"],
        credentialID: "X509SHA256=ab",
      },
      session: implicitSession("X509SHA256=ab"),
      auditID: "b5f0c2a4-0d6b-4d7e-9a3f-1f5f0a8f6a01",
      stage: "ResponseComplete",
      verb: "get",
      uri: "/api/v1/namespaces/demo/configmaps?fieldManager=kubectl-create",
      target: {
        group: "",
        version: "v1",
        resource: "pods",
        subresource: "log",
        namespace: "demo",
        name: "p",
      },
      code: 201,
      received: "2026-11-21T09:00:00.000000Z",
      completed: "2026-11-21T09:00:00.020000Z",
      userAgent: "kubectl/v1.36.3",
      sourceIPs: ["127.0.0.1"],
    });
  });
});

describe("what came of an admission, by its audit event", () => {
  const admission = (index: number, given: object = {}): Numbered => ({
    index,
    entry: { ...admissionEntry(1, 0), agent: { username: "agent", groups: [] }, ...given },
  });
  const results = (given: JsonObject, ...admissions: Numbered[]) =>
    outcomesOf(event(given), admissions, 0).map(({ of, result, code, reason }) => ({
      of,
      result,
      code,
      reason,
    }));
  const answered = (code: number, reason?: string): JsonObject => ({
    responseStatus: { code, ...(reason === undefined ? {} : { reason, message: "no" }) },
  });

  const CODES: Record<string, [given: JsonObject, result: string]> = {
    "201: it took effect": [answered(201), "took-effect"],
    "200: it took effect": [answered(200), "took-effect"],
    "101, of an exec: it took effect": [{ ...answered(101), stage: "ResponseStarted" }, "took-effect"],
    "403: it was refused": [answered(403, "Forbidden"), "refused"],
    "409: it was refused": [answered(409, "AlreadyExists"), "refused"],
    "500: that cannot be told": [answered(500, "InternalError"), "cannot-tell"],
    "504: that cannot be told": [answered(504, "Timeout"), "cannot-tell"],
    "a panic: that cannot be told": [{ ...answered(200), stage: "Panic" }, "cannot-tell"],
    "no code: that cannot be told": [{ responseStatus: {} }, "cannot-tell"],
  };
  for (const [name, [given, result]] of Object.entries(CODES))
    it(`answered with ${name}`, () =>
      expect(results(given, admission(3))[0]).to.deep.include({ of: 3, result }));

  it("of a call that met conflicts only the last took effect; the others name it", () => {
    const [first, second, last] = outcomesOf(event(), [admission(3), admission(5), admission(9)], 0);
    expect([first, second]).to.deep.equal(
      [3, 5].map((of) => ({
        ...{
          schema: "hoop.dev/outcome/v1",
          kind: "outcome",
          time: "1970-01-01T00:00:00.000000Z",
          of,
          source: "audit",
        },
        ...{
          auditID: event().auditID,
          result: "refused",
          reason: "Conflict",
          message: "asked again: see record 9",
        },
      })),
    );
    expect(last).to.deep.include({ of: 9, result: "took-effect", code: 201 });
  });

  it("of a deletecollection each object was deleted", () => {
    const item = (uid: string) => ({ operation: "DELETE", target: { ...admissionEntry(1, 0).target, uid } });
    const all = [admission(3, item("a")), admission(4, item("b")), admission(5, item("c"))];
    expect(results(answered(200), ...all).map(({ result }) => result)).to.deep.equal(
      Array(3).fill("took-effect"),
    );
  });

  it("of a deletecollection that failed with one of them cannot be told of the others", () => {
    const failed = { ...answered(403, "Forbidden"), verb: "deletecollection" };
    expect(results(failed, admission(3)).map(({ result }) => result)).to.deep.equal(["cannot-tell"]);
  });

  it("has the object's uid and version where the event has the object", () => {
    const responseObject = { kind: "ConfigMap", metadata: { uid: "u", resourceVersion: "7" } };
    expect(outcomesOf(event({ responseObject }), [admission(3)], 0)[0]?.object).to.deep.equal({
      uid: "u",
      resourceVersion: "7",
    });
  });

  it("is told of what was let through alone, and of the agent's own", () => {
    const { entry } = admission(1);
    expect(isOpenOf(event(), entry)).to.equal(true);
    expect(isOpenOf(event(), { ...entry, effect: "none" })).to.equal(false);
    expect(isOpenOf(event(), { ...entry, agent: { username: "other", groups: [] } })).to.equal(false);
    const { request: _, effect: __, ...before } = entry;
    expect(isOpenOf(event(), { ...before, schema: "hoop.dev/admission/v2" })).to.equal(false);
  });
});
