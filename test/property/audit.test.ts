/** Of audit events: no secret value gets into the ledger, whatever way they come they leave the same, and nothing odd ends it. */
import { expect } from "chai";
import fc from "fast-check";
import type { Json, JsonObject } from "#core/admission.ts";
import { decodeEvents } from "#core/audit/event.ts";
import { unsealPayload } from "#core/log/payload.ts";
import { auditEvent, eventList, naming } from "../support/audit-events.ts";
import { Heard } from "../support/heard.ts";

/** Words that nothing else in an event has. */
const secretValue = fc
  .array(fc.constantFrom(..."abcdefghijkmnpqrstuvwxyzABCDEFGHIJ23456789"), { minLength: 12, maxLength: 24 })
  .map((letters) => `zq${letters.join("")}`);

const base64 = (plain: string) => Buffer.from(plain).toString("base64");
const about = (resource: string, apiGroup = ""): JsonObject => ({
  objectRef: {
    resource,
    namespace: "demo",
    name: "x",
    apiVersion: "v1",
    ...(apiGroup === "" ? {} : { apiGroup }),
  },
});

/** Ways in which a value gets into an event. */
const WAYS: Record<string, (value: string) => JsonObject> = {
  "a Secret that is created": (value) => ({
    ...about("secrets"),
    requestObject: { kind: "Secret", apiVersion: "v1", stringData: { pw: value } },
    responseObject: { kind: "Secret", apiVersion: "v1", data: { pw: base64(value) } },
  }),
  "a list of Secrets": (value) => ({
    ...about("secrets"),
    responseObject: { kind: "SecretList", items: [{ data: { pw: base64(value) } }] },
  }),
  "patches of a Secret": (value) => ({
    ...about("secrets"),
    verb: "patch",
    requestObject: [{ op: "test", path: "/data/pw", value: base64(value) }],
    responseStatus: { code: 422, message: `the value ${value} is not what was tested` },
  }),
  "a merge patch of a Secret": (value) => ({
    ...about("secrets"),
    requestObject: { stringData: { any: value } },
  }),
  "a Secret in a List": (value) => ({
    ...about("anything", "x.dev"),
    requestObject: { kind: "List", items: [{ kind: "Secret", data: { pw: base64(value) } }] },
  }),
  "a token that is asked for": (value) => ({
    objectRef: { resource: "serviceaccounts", subresource: "token", name: "x" },
    responseObject: { kind: "TokenRequest", status: { token: value } },
  }),
  "a write through secure-secrets": (value) => ({
    ...about("secure-secrets", "hoop.dev"),
    requestObject: { kind: "SecureSecret", stringData: { pw: value } },
  }),
  "a variable": (value) => ({
    ...about("pods"),
    requestObject: {
      kind: "Pod",
      spec: { containers: [{ name: "m", env: [{ name: "API_TOKEN", value }] }] },
    },
  }),
  "a JSON Patch of a variable": (value) => ({
    ...about("deployments", "apps"),
    requestObject: [{ op: "replace", path: "/spec/template/spec/containers/0/env/0/value", value }],
  }),
  "an argument": (value) => ({
    ...about("pods"),
    requestObject: {
      kind: "Pod",
      spec: { containers: [{ name: "m", args: ["--password", value, `--token=${value}`] }] },
    },
  }),
  "a ConfigMap's key": (value) => ({
    ...about("configmaps"),
    requestObject: { data: { DB_PASSWORD: value } },
  }),
  "the last-applied annotation": (value) => ({
    ...about("pods"),
    requestObject: {
      kind: "Pod",
      metadata: {
        annotations: {
          "kubectl.kubernetes.io/last-applied-configuration": JSON.stringify({
            spec: { containers: [{ env: [{ name: "API_TOKEN", value }] }] },
          }),
        },
      },
    },
  }),
  "a command that is run": (value) => ({
    ...about("pods"),
    requestURI: `/api/v1/namespaces/demo/pods/x/exec?command=mysql&command=--password&command=${value}&command=--token%3D${value}&container=m`,
  }),
  "a shell's command": (value) => ({
    ...about("pods"),
    requestURI: `/x/exec?command=sh&command=-c&command=${encodeURIComponent(`PASSWORD=${value} run; curl -H "Authorization: Bearer ${value}"`)}`,
  }),
  "a query": (value) => ({ requestURI: `/x/proxy/login?user=bob&access_token=${value}&password=${value}` }),
  "a message": (value) => ({
    responseStatus: {
      code: 422,
      message: `spec.x: Invalid value: "${value}": no. token=${value} ://bob:${value}@host`,
    },
  }),
  "a user agent": (value) => ({ userAgent: `client/1 (password=${value})` }),
};

/** All that lies in the ledger, payloads included. */
async function keptBy({ store }: Heard): Promise<string> {
  const kept: string[] = (await store.lines(0)).map(({ line }) => line);
  for (const at of kept.keys()) {
    const payload = await store.payload(at);
    if (payload instanceof Uint8Array) kept.push(unsealPayload(payload)?.toString() ?? "");
  }
  return kept.join("\n");
}

/** Events of these requests, and what they are to leave. */
async function eventsOf(
  heard: Heard,
  kinds: readonly string[],
): Promise<[events: JsonObject[], left: string[]]> {
  const events: JsonObject[] = [];
  const left: string[] = [];
  for (const [at, kind] of kinds.entries()) {
    const auditID = `a${at}`;
    if (kind === "write") {
      const index = await heard.admit();
      events.push(auditEvent({ auditID, annotations: naming(index) }));
      left.push(`outcome ${auditID} ${index}`);
      continue;
    }
    for (const stage of kind === "watch" ? ["ResponseStarted", "ResponseComplete"] : ["ResponseComplete"]) {
      events.push(auditEvent({ auditID, stage, verb: kind }));
      left.push(`request ${auditID} ${stage}`);
    }
  }
  return [events, left];
}

async function leftBy(heard: Heard): Promise<string[]> {
  const outcomes = await heard.entries("outcome");
  const requests = await heard.entries("request");
  return [
    ...outcomes.map(({ auditID, of }) => `outcome ${auditID} ${of}`),
    ...requests.map(({ auditID, stage }) => `request ${auditID} ${stage}`),
  ].toSorted();
}

/** A number below, by chance. */
type Next = (below: number) => number;

/** In another order, some of them twice. */
function muddled(events: readonly JsonObject[], next: Next): JsonObject[] {
  const all = [...events, ...events.filter(() => next(2) === 0)];
  return all
    .map((event) => ({ event, at: next(1_000_000) }))
    .toSorted((one, other) => one.at - other.at)
    .map(({ event }) => event);
}

describe("audit events", () => {
  for (const [name, way] of Object.entries(WAYS))
    it(`leave no secret value in the ledger: ${name}`, async () => {
      const verbs = fc.constantFrom("get", "create", "patch");
      const codes = fc.constantFrom(200, 403, 500);
      const leavesNone = async (value: string, verb: string, code: number, isJudged: boolean) => {
        const heard = await Heard.begin();
        const index = await heard.admit();
        const annotations = isJudged ? naming(index) : {};
        await heard.take(auditEvent({ verb, annotations, responseStatus: { code }, ...way(value) }));
        await heard.finder.step();
        const kept = await keptBy(heard);
        expect(kept).to.not.contain(value);
        expect(kept).to.not.contain(base64(value));
        // It was an event that leaves something.
        expect((await leftBy(heard)).length).to.equal(1);
      };
      await fc.assert(fc.asyncProperty(secretValue, verbs, codes, fc.boolean(), leavesNone), { numRuns: 20 });
    });

  it("leave the same entries in whatever order, parts and repetitions they come, and however often Hoop is started anew", async () => {
    const kinds = fc.array(fc.constantFrom("read", "write", "watch"), { minLength: 1, maxLength: 12 });
    const leavesTheSame = async (all: string[], chance: fc.Stream<number>) => {
      const next: Next = (below) => (chance.next().value ?? 0) % below;
      let heard = await Heard.begin();
      const [events, expected] = await eventsOf(heard, all);
      const coming = muddled(events, next);
      while (coming.length > 0) {
        await heard.take(...coming.splice(0, 1 + next(5)));
        if (next(3) === 0) await heard.finder.keep();
        if (next(3) === 0) heard = await Heard.begin(heard.store, heard.clock);
      }
      expect(await leftBy(heard)).to.deep.equal(expected.toSorted());
    };
    await fc.assert(fc.asyncProperty(kinds, fc.infiniteStream(fc.nat()), leavesTheSame), { numRuns: 200 });
  });

  it("are read, or not, whatever is in them", async () => {
    const member = fc.constantFrom(
      ...[
        "user",
        "stage",
        "auditID",
        "objectRef",
        "responseStatus",
        "annotations",
        "requestObject",
        "sourceIPs",
      ],
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(member, fc.jsonValue()), { maxLength: 5 }), async (odd) => {
        const event = auditEvent(Object.fromEntries(odd) as JsonObject);
        const list = decodeEvents(JSON.parse(JSON.stringify(eventList(event, auditEvent()))) as Json);
        const heard = await Heard.begin();
        if (list !== undefined) await heard.intake.take(list);
        expect((await heard.entries("request")).length).to.be.greaterThan(0);
      }),
      { numRuns: 300 },
    );
  });
});
