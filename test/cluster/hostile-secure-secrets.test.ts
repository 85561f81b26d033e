/**
 * Secrets' values against an agent whom RBAC lets do everything, by what is around them: annotations that repeat them,
 * limits that count them, messages that name them, lists that go past them.
 */
import { setTimeout as delay } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { expect } from "chai";
import { type Call, credentialsIn, rawCaller, verdictOf } from "../support/raw.ts";
import {
  apply,
  base64,
  create,
  HOOP,
  merge,
  reveal,
  SECRETS,
  type SecretsBed,
  startSecretsBed,
  VALUE,
  view,
} from "../support/secrets-bed.ts";

const MASK = "[masked: Secret value]";

/** How a tool may have written the value into an annotation. */
const REPEATED: Readonly<Record<string, string>> = {
  "as it is": `the password is ${VALUE}`,
  "in base64": base64(VALUE),
  "in base64 behind a name": base64(`app:${VALUE}`),
  "in base64 for URLs": Buffer.from(VALUE).toString("base64url"),
  "in hex": Buffer.from(VALUE).toString("hex"),
  "in JSON": JSON.stringify({ password: VALUE }),
  "in a URL": `postgres://app:${encodeURIComponent(VALUE)}@db`,
  "among much else": `${"x".repeat(300)} ${VALUE}`,
  compressed: gzipSync(JSON.stringify({ stringData: { password: VALUE, more: "x".repeat(2000) } }))
    .toString("base64")
    .padEnd(300, "="),
};

/** Dry runs after which the value would be another, or gone, and what repeats it would repeat nothing. */
const DRY_RUNS: Readonly<Record<string, (name: string) => Call>> = {
  "another value": (name) => merge(name, { stringData: { password: "x" } }, "?dryRun=All"),
  "no value": (name) => merge(name, { data: { password: null } }, "?dryRun=All"),
  "no data": (name) => merge(name, { data: null }, "?dryRun=All"),
  "an apply of another value": (name) =>
    apply(name, { stringData: { password: "x" } }, {}, "&force=true&dryRun=All"),
  "an apply of the mask": (name) => apply(name, {}, { annotations: { note: MASK } }, "&dryRun=All"),
  "an apply of the mask by force": (name) =>
    apply(name, {}, { annotations: { note: MASK } }, "&force=true&dryRun=All"),
};

/** Two lengths of one bucket. */
const SOME = [17_000, 250_000] as const;
/** What is large, sent to a Secret with a shorter and to one with a longer value. */
const PADDED: Readonly<Record<string, [lengths: readonly number[], code: number, (name: string) => Call]>> = {
  "labels that fill a request": [
    SOME,
    422,
    (name) => merge(name, { metadata: { labels: manyLabels(38_000) } }, "?dryRun=All"),
  ],
  "as many labels as there may be": [
    SOME,
    200,
    (name) => merge(name, { metadata: { labels: manyLabels(9_000) } }, "?dryRun=All"),
  ],
  "the type of an apply": [
    SOME,
    413,
    (name) => apply(name, { type: "t".repeat(1_100_000) }, {}, "&dryRun=All"),
  ],
  // Tried with values that are longer.
  "many empty values of an apply": [
    [270_000, 510_000],
    422,
    (name) => apply(name, { data: fromKeys(6500, () => "", ".docker") }, {}, "&dryRun=All"),
  ],
  "very many keys": [SOME, 422, (name) => merge(name, { data: fromKeys(10_001, () => "") }, "?dryRun=All")],
  "annotations beside the last-applied one": [
    SOME,
    422,
    (name) => merge(name, { metadata: { annotations: { a: "x".repeat(150_000) } } }, "?dryRun=All"),
  ],
};

function fromKeys<T>(count: number, value: () => T, prefix = "k"): Record<string, T> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`${prefix}${index}`, value()]));
}

function manyLabels(count: number): Record<string, string> {
  return fromKeys(count, () => "x".repeat(60));
}

describe("the values of Secrets", function () {
  this.timeout(120_000);
  let bed: SecretsBed;

  before(async function () {
    this.timeout(1_200_000);
    bed = await startSecretsBed();
  });
  after(() => bed?.bed.stop());

  describe("are not told by an annotation that repeats them", () => {
    for (const [how, note] of Object.entries(REPEATED))
      it(how, async () => {
        const name = await bed.seed(undefined, { metadata: { annotations: { note } } });
        const { text } = await bed.agent({ path: `${SECRETS}/${name}` });
        expect(JSON.parse(text).metadata.annotations).to.deep.equal({ note: MASK });
      });

    for (const [what, dryRun] of Object.entries(DRY_RUNS))
      it(`in a dry run with ${what}, nor in its record`, async () => {
        const name = await bed.seed(undefined, { metadata: { annotations: { note: VALUE } } });
        const { text } = await bed.agent(dryRun(name));
        expect(JSON.parse(text).metadata.annotations.note).to.equal(MASK);
        const records = (await bed.bed.records()).filter((record) =>
          JSON.stringify(record).includes(`"${name}"`),
        );
        expect(records).to.have.length(1);
        expect(JSON.stringify(records)).not.to.contain(JSON.stringify(VALUE).slice(1, -1));
      });

    it("that was applied as it is shown, by an approved request", async () => {
      const name = await bed.seed(undefined, { metadata: { annotations: { note: VALUE } } });
      const call = apply(name, {}, { annotations: { note: MASK }, labels: { a: "b" } }, "&force=true");
      const { spec } = await bed.approved(call);
      expect(JSON.stringify(spec)).not.to.contain("battery");
      const { text } = await bed.agent(call);
      expect(JSON.parse(text).metadata.labels).to.deep.equal({ a: "b" });
      for (const said of [text, (await bed.agent({ path: `${SECRETS}/${name}` })).text])
        expect(JSON.parse(said).metadata.annotations.note).to.equal(MASK);
      expect((await bed.real(name)).metadata.annotations).to.include({ note: VALUE });
    });

    it("that a person wrote through a view", async () => {
      const name = await bed.seed();
      await bed.human(merge(name, { metadata: { annotations: { note: VALUE } } }, "?fieldManager=edit"));
      expect((await bed.real(name)).metadata.annotations).to.deep.equal({ note: VALUE });
      const { text } = await bed.agent({ path: `${SECRETS}/${name}` });
      expect(JSON.parse(text).metadata.annotations).to.deep.equal({ note: MASK });
    });
  });

  describe("are not measured by", () => {
    for (const [what, [lengths, code, padded]] of Object.entries(PADDED))
      it(what, async () => {
        const said: string[] = [];
        for (const length of lengths) {
          const applied = "z".repeat(66_000 + length / 100);
          const annotations = { "kubectl.kubernetes.io/last-applied-configuration": applied };
          const name = await bed.seed({ blob: "y".repeat(length) }, { metadata: { annotations } });
          const reply = await bed.agent(padded(name));
          const { message = "" } = JSON.parse(reply.text) as { message?: string };
          said.push(`${reply.code} ${message.replaceAll(name, "NAME")}`);
        }
        expect(said[0]).to.equal(said[1]);
        expect(said[0]).to.match(new RegExp(`^${code} `));
      });
  });

  describe("are not told by what the API server says no with,", () => {
    it("be they in its message or not", async () => {
      const said: string[] = [];
      for (const user of ["fetch", "Apply", "conflict", "mallory", "data", "1"]) {
        const name = await bed.seed({ password: VALUE, user });
        const { code, text } = await bed.agent(apply(name, { stringData: { password: "x" } }));
        said.push(`${code} ${text.replaceAll(name, "NAME")}`);
      }
      expect(new Set(said).size).to.equal(1);
      expect(said[0]).to.match(/^409 .*\.data\.password/);
    });

    it("nor by a policy that repeats them", async () => {
      const rules = [
        { apiGroups: [""], apiVersions: ["v1"], operations: ["UPDATE"], resources: ["secrets"] },
      ];
      const group = "admissionregistration.k8s.io/v1";
      await bed.bed.apply([
        {
          ...{ apiVersion: group, kind: "ValidatingAdmissionPolicy", metadata: { name: "teller" } },
          spec: {
            matchConstraints: { resourceRules: rules },
            validations: [
              {
                expression: "!has(object.metadata.labels) || !('told' in object.metadata.labels)",
                messageExpression: "'it is ' + object.data['password']",
              },
            ],
          },
        },
        {
          ...{ apiVersion: group, kind: "ValidatingAdmissionPolicyBinding", metadata: { name: "teller" } },
          spec: { policyName: "teller", validationActions: ["Deny"] },
        },
      ]);
      const name = await bed.seed();
      const call = merge(name, { metadata: { labels: { told: "x" } } }, "?dryRun=All");
      let reply = await bed.agent(call);
      // A policy takes effect when the API server has seen it.
      while (reply.code === 200) {
        await delay(100);
        reply = await bed.agent(call);
      }
      expect(reply.text).to.contain("ValidatingAdmissionPolicy 'teller' refused it");
      expect(reply.text).not.to.contain(base64(VALUE).slice(0, 12));
      const configuration = `/apis/${group}/validatingadmissionpolicybindings/teller`;
      await bed.human({ method: "DELETE", path: configuration });
    });
  });

  it("of Hoop have no names, in no list", async () => {
    for (const name of ["first", "second", "third"])
      await bed.human({
        ...{ method: "POST", path: "/api/v1/namespaces/hoop-system/secrets" },
        body: { apiVersion: "v1", kind: "Secret", metadata: { name: `keys-${name}` } },
      });
    await bed.seed();
    const selectors = ["", "&fieldSelector=metadata.namespace%3Dhoop-system", "&labelSelector=!a"];
    for (const selector of selectors)
      for (let token = "", pages = 0; pages === 0 || token !== ""; pages++) {
        const path = `${HOOP}/secure-secrets?limit=1${selector}${token === "" ? "" : `&continue=${token}`}`;
        const { code, text } = await bed.agent({ path });
        expect(code, text).to.equal(200);
        token = (JSON.parse(text) as { metadata: { continue?: string } }).metadata.continue ?? "";
        expect(text + Buffer.from(token, "base64").toString()).not.to.contain("keys-");
        expect(pages).to.be.below(200);
      }
  });

  const WRONG_PLACES: Readonly<Record<string, [Call, number]>> = {
    "another namespace in the body": [create("x", {}, { namespace: "kube-system" }), 400],
    "another name in the body": [{ ...merge("x", view("y")), method: "PUT", type: "application/json" }, 400],
    "Hoop's namespace": [{ path: `${HOOP}/namespaces/hoop-system/secure-secrets` }, 403],
    "a create in Hoop's namespace": [
      { method: "POST", path: `${HOOP}/namespaces/hoop-system/secure-secrets`, body: view("x") },
      403,
    ],
    "a path that leads up": [{ path: `${SECRETS}/%2e%2e%2fx` }, 400],
    "the deprecated watch": [{ path: `${HOOP}/watch/namespaces/demo/secure-secrets` }, 404],
    "a strategic merge patch": [{ ...merge("x", {}), type: "application/strategic-merge-patch+json" }, 415],
    "a delete": [{ method: "DELETE", path: `${SECRETS}/x` }, 405],
    "a read of what was revealed": [{ path: `${SECRETS}/x/reveal` }, 405],
  };
  for (const [where, [call, code]] of Object.entries(WRONG_PLACES))
    it(`are not reached by ${where}`, async () => {
      const reply = await bed.agent(call);
      expect(reply.code, reply.text).to.equal(code);
    });

  it("are not told past the API server, whoever one says to be", async () => {
    const name = await bed.seed();
    const { identity } = await credentialsIn(bed.bed.kubeconfig("agent"));
    const direct = rawCaller(bed.bed.apiPort, identity);
    const headers = { "x-remote-user": "system:admin", "x-remote-group": "system:masters" };
    const read = await direct({ path: `${SECRETS}/${name}`, headers });
    expect(JSON.parse(read.text).data.password).to.match(new RegExp(`^${base64("[masked:").slice(0, 10)}`));
    expect(verdictOf(await direct({ ...reveal(name, "password"), headers }))).to.equal(
      "held by secret-reveal",
    );
  });
});
