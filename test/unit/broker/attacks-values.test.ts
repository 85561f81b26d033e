/** How an agent may try to be shown, to guess or to hide a value, by what it sends: each of these once did. */
import { expect } from "chai";
import { unsealPayload } from "#core/log/payload.ts";
import { knownValues, REPLACEMENT } from "#core/mask/values.ts";
import { type Bed, json, KNOWN, startBed } from "./bed.ts";

const MAPS = "/api/v1/namespaces/demo/configmaps";
const SECRETS = "/api/v1/namespaces/demo/secrets";
const DEPLOYMENT = "/apis/apps/v1/namespaces/demo/deployments/d";
const CONTAINER = "/spec/template/spec/containers/0";
const JSON_PATCH = "application/json-patch+json";
const YAML = "application/yaml";

describe("an agent that goes for values", () => {
  let bed: Bed;
  beforeEach(async () => {
    bed = await startBed();
  });
  afterEach(() => bed.close());

  const call = (below: string, headers: Record<string, string> = {}) =>
    bed.call(`${bed.path}${below}`, headers, "GET");

  /** As HTTP/1.1, with a body; the status. */
  async function sent(method: string, below: string, type: string, body: string): Promise<number> {
    const head = [
      `${method} ${bed.path}${below} HTTP/1.1`,
      ...["Host: x", "User: ann", "Connection: close"],
      ...[`Content-Type: ${type}`, `Content-Length: ${Buffer.byteLength(body)}`],
    ];
    return Number((await bed.answerTo(`${head.join("\r\n")}\r\n\r\n${body}`)).split(" ")[1]);
  }

  async function payloads(): Promise<string> {
    const entries = await bed.entries();
    const all = await Promise.all(entries.map((_, index) => bed.broker.store.payload(index)));
    const texts = all.map((one) => (one instanceof Uint8Array ? unsealPayload(one) : undefined));
    return texts.map((one) => (one instanceof Uint8Array ? Buffer.from(one).toString() : "")).join("\n");
  }

  describe("cannot rename what is masked by its name:", () => {
    const REFUSED: Readonly<Record<string, object[]>> = {
      "the name of a variable": [{ op: "replace", path: `${CONTAINER}/env/0/name`, value: "X" }],
      "that name, by an index of another form": [
        { op: "replace", path: `${CONTAINER}/env/-1/name`, value: "X" },
      ],
      "the flag before an argument": [{ op: "replace", path: `${CONTAINER}/args/0`, value: "--x" }],
      "the flag itself": [{ op: "remove", path: `${CONTAINER}/command/0` }],
      "by another argument between the two": [
        { op: "test", path: "/kind", value: "Deployment" },
        { op: "add", path: `${CONTAINER}/args/1`, value: "x" },
      ],
    };
    for (const [what, patch] of Object.entries(REFUSED))
      it(what, async () => {
        expect(await sent("PATCH", DEPLOYMENT, JSON_PATCH, JSON.stringify(patch))).to.equal(422);
        expect(bed.arrived).to.deep.equal([]);
      });

    const TAKEN: Readonly<Record<string, object>> = {
      "an argument at the end": { op: "add", path: `${CONTAINER}/args/-`, value: "-v" },
      "all arguments": { op: "replace", path: `${CONTAINER}/args`, value: ["-v"] },
      "a variable as a whole": {
        op: "replace",
        path: `${CONTAINER}/env/0`,
        value: { name: "A", value: "b" },
      },
      "a value": { op: "replace", path: `${CONTAINER}/env/0/value`, value: "b" },
      "its own name": { op: "replace", path: "/metadata/labels/name", value: "b" },
      "a test of a name": { op: "test", path: `${CONTAINER}/env/0/name`, value: "A" },
    };
    for (const [what, operation] of Object.entries(TAKEN))
      it(`while it may patch ${what}`, async () => {
        expect(await sent("PATCH", DEPLOYMENT, JSON_PATCH, JSON.stringify([operation]))).to.equal(200);
        expect(bed.arrived.length).to.equal(1);
      });
  });

  describe("is shown no password", () => {
    const object = {
      ...{ apiVersion: "apps/v1", kind: "Deployment" },
      spec: {
        containers: [
          { args: ["--password", "argpass-77"], env: [{ name: "PW_TOKEN", value: "envpass-88" }] },
        ],
      },
    };
    const map = { kind: "ConfigMap", data: { auth: "cmpass-66", mode: "fast" } };
    const quoted = (value: object) =>
      `patch: Invalid value: ${JSON.stringify(JSON.stringify(value))}: json: no`;
    const ERRORS: Readonly<Record<string, string>> = {
      "of a ConfigMap that a patch made unreadable": quoted(map),
      "of an object that a patch made unreadable": ` "" is invalid: patch: Invalid value: ${JSON.stringify(JSON.stringify(object))}: json: cannot unmarshal`,
      "of a template that cannot change": `Job "j" is invalid: spec.template: Invalid value: {"Args":["--password","argpass-77"],"Env":[{"Name":"PW_TOKEN","Value":"envpass-88","ValueFrom":null}]}: field is immutable`,
      "in a diff of variables": `Forbidden: pod updates may not change fields\n@@ -16,7 +16,7 @@\n      "Name": "PW_TOKEN",\n-     "Value": "envpass-88",\n+     "Value": "q",\n`,
      "in a diff of arguments": `Forbidden: pod updates may not change fields\n    "Args": [\n-    "--password",\n-    "argpass-77"\n+    "a"\n    ],`,
    };
    for (const [where, message] of Object.entries(ERRORS))
      it(where, async () => {
        bed.behind.answer = (_request, response) =>
          json(response, { kind: "Status", code: 422, message, details: { causes: [{ message }] } }, 422);
        const { text } = await call(DEPLOYMENT);
        expect(text)
          .to.contain("[masked: value]")
          .and.not.match(/argpass|envpass|cmpass/);
      });
  });

  describe("is shown no value of one Secret in the annotations of another", () => {
    const secret = (annotations: object) => ({
      ...{ apiVersion: "hoop.dev/v1alpha1", kind: "SecureSecret" },
      ...{ metadata: { name: "x", annotations }, data: { a: "W21hc2tlZDo=" } },
    });
    const ANSWERS: Readonly<Record<string, [query: string, made: (annotations: object) => object]>> = {
      "read by itself": ["/x", secret],
      "in a list": ["", (annotations) => ({ kind: "SecureSecretList", items: [secret(annotations)] })],
      "in a table": [
        "",
        (annotations) => ({ kind: "Table", rows: [{ cells: ["x"], object: secret(annotations) }] }),
      ],
      "of which the metadata alone are read": [
        "/x",
        (annotations) => ({ kind: "PartialObjectMetadata", metadata: { name: "x", annotations } }),
      ],
      "in a watch": ["?watch=1", (annotations) => ({ type: "ADDED", object: secret(annotations) })],
    };
    for (const [how, [below, made]] of Object.entries(ANSWERS))
      it(how, async () => {
        const answer = made({ note: `the other is ${KNOWN}`, plain: "text" });
        bed.behind.answer = (_request, response) => json(response, answer);
        const { text } = await call(`${SECRETS}${below}`);
        expect(text).to.contain(`the other is ${REPLACEMENT}`).and.contain("text").and.not.contain(KNOWN);
      });
  });

  describe("has every value counted that it tries", () => {
    const CHOSEN = Array.from({ length: 30 }, (_, at) => `value-number-${at}`);
    const hidden = (guess: string) => `"\\x76${guess.slice(1)}"`;
    const TRIED: Readonly<Record<string, (guess: string) => Promise<number>>> = {
      "as its client's name": async (guess) => (await call(MAPS, { "user-agent": `${guess}/1.0` })).status,
      "in letters that YAML may write otherwise": (guess) =>
        sent("POST", `${MAPS}?dryRun=All`, YAML, `data: {a: ${hidden(guess)}}`),
      "in an apply in YAML": (guess) =>
        sent("PATCH", `${MAPS}/x?dryRun=All`, "application/apply-patch+yaml", `data: {a: ${hidden(guess)}}`),
      "in an annotation of a Secret": (guess) =>
        sent(
          "POST",
          `${SECRETS}?dryRun=All`,
          "application/json",
          JSON.stringify({ kind: "Secret", metadata: { annotations: { a: guess } } }),
        ),
      "in such an annotation, by a patch": (guess) =>
        sent(
          "PATCH",
          `${SECRETS}/x?dryRun=All`,
          JSON_PATCH,
          JSON.stringify([{ op: "add", path: "/metadata/annotations/a", value: guess }]),
        ),
    };
    for (const [how, tried] of Object.entries(TRIED))
      it(how, async () => {
        const known = knownValues(CHOSEN.map((text) => Buffer.from(text)));
        bed.broker.known.of = async () => known;
        const codes: number[] = [];
        for (const guess of CHOSEN) codes.push(await tried(guess));
        expect(codes.filter((code) => code === 429).length).to.equal(20);
      });

    it("but not what it writes to Secrets, which secure-secrets counts", async () => {
      const known = knownValues(CHOSEN.map((text) => Buffer.from(text)));
      bed.broker.known.of = async () => known;
      for (const guess of CHOSEN) {
        const body = JSON.stringify({ kind: "Secret", apiVersion: "v1", stringData: { a: guess } });
        expect(await sent("PUT", `${SECRETS}/x`, "application/json", body)).to.equal(200);
      }
    });
  });

  it("is refused where it sends YAML that cannot be read", async () => {
    const long = "x".repeat(600 * 1024);
    for (const path of [MAPS, SECRETS])
      for (const body of ["a: [", `a: ${long}`]) expect(await sent("POST", path, YAML, body)).to.equal(400);
    expect(bed.arrived).to.deep.equal([]);
    expect(await sent("POST", MAPS, YAML, JSON.stringify({ a: long }))).to.equal(200);
    expect(await sent("POST", SECRETS, YAML, JSON.stringify({ a: long }))).to.equal(200);
  });

  it("leaves no value in the ledger by its query or its audit ID", async () => {
    await call(`${MAPS}?labelSelector=${KNOWN}`, { "audit-id": `<b>${KNOWN}</b>` });
    await call(`${MAPS}?watch=1`, { "audit-id": KNOWN });
    const entries = JSON.stringify(await bed.entries());
    expect(entries).to.contain(REPLACEMENT).and.not.contain(KNOWN).and.not.contain("<b>");
  });

  it("cannot keep a body out of the ledger by a replacement character in it", async () => {
    const body = JSON.stringify({ kind: "ConfigMap", data: { a: "what-was-done \uFFFD" } });
    await sent("POST", MAPS, "application/json", body);
    expect(await payloads()).to.contain("what-was-done");
  });
});
