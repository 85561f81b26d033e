import { expect } from "chai";
import { ROOT, startToy, type Toy } from "./toy.ts";

const POLISH = `${ROOT}/namespaces/a/widgets/one/polish`;
const MERGE = { "content-type": "application/merge-patch+json" };
const JSON_PATCH = { "content-type": "application/json-patch+json" };

describe("a custom subresource", () => {
  let toy: Toy;
  beforeEach(async () => {
    toy = await startToy();
    await toy.put("a", "one");
  });
  afterEach(() => toy.close());

  const shine = async () => (await toy.call(POLISH)).json.shine;

  it("is read with get", async () => {
    const { status, json } = await toy.call(POLISH);
    expect(status).to.equal(200);
    expect(json).to.include({ kind: "Polish", apiVersion: "toy.example.com/v1" });
  });

  const accepted: Record<
    string,
    [method: string, headers: Record<string, string>, body: string | object, code: number]
  > = {
    "create with JSON": ["POST", {}, { shine: "matt" }, 201],
    "update with the whole object": [
      "PUT",
      { "content-type": "application/json" },
      {
        apiVersion: "toy.example.com/v1",
        kind: "Polish",
        metadata: { name: "one", namespace: "a" },
        shine: "matt",
      },
      200,
    ],
    "update with YAML": ["PUT", { "content-type": "application/yaml" }, "kind: Polish\nshine: matt\n", 200],
    "a merge patch": ["PATCH", MERGE, { shine: "matt" }, 200],
    "a JSON patch": ["PATCH", JSON_PATCH, [{ op: "add", path: "/shine", value: "matt" }], 200],
  };
  for (const [name, [method, headers, body, code]] of Object.entries(accepted)) {
    it(`takes ${name}`, async () => {
      const reply = await toy.call(POLISH, { method, headers, body });
      expect(reply.status, reply.text).to.equal(code);
      expect(reply.json.shine).to.equal("matt");
      expect(await shine()).to.equal("matt");
      expect(reply.headers).not.to.have.property("warning");
    });
  }

  const refused: Record<
    string,
    [
      method: string,
      query: string,
      headers: Record<string, string>,
      body: string | object,
      code: number,
      message: RegExp,
    ]
  > = {
    "strategic merge patches": [
      "PATCH",
      "",
      { "content-type": "application/strategic-merge-patch+json" },
      {},
      415,
      /accepted media types include: application\/json-patch\+json, application\/merge-patch\+json$/,
    ],
    "server-side apply": [
      "PATCH",
      "",
      { "content-type": "application/apply-patch+yaml" },
      {},
      415,
      /media types/,
    ],
    "other bodies": [
      "PUT",
      "",
      { "content-type": "text/html" },
      "x",
      415,
      /application\/json, application\/yaml$/,
    ],
    "bodies that do not parse": [
      "PUT",
      "",
      {},
      "{secret",
      400,
      /^the object provided is unrecognized \(must be of type Polish\): couldn't get version\/kind; json parse error: invalid character 's' looking for beginning of object key string \(\{secret\)$/,
    ],
    "bodies that are no objects": ["PUT", "", {}, "[]", 400, /cannot unmarshal array into Go value/],
    "bodies that nest too deeply": ["PUT", "", {}, "[".repeat(500) + "]".repeat(500), 400, /too deeply/],
    "names of prototypes": ["PUT", "", {}, '{"__proto__": {"shine": "matt"}}', 400, /__proto__/],
    "patches of prototypes": [
      "PATCH",
      "",
      JSON_PATCH,
      [{ op: "add", path: "/__proto__/x", value: 1 }],
      422,
      /^the server rejected our request/,
    ],
    "YAML bombs": [
      "PUT",
      "",
      { "content-type": "application/yaml" },
      yamlBomb(),
      400,
      /aliases that cannot be written out/,
    ],
    "bodies over 3 MiB": [
      "PUT",
      "",
      {},
      JSON.stringify({ comment: "x".repeat(3 * 1024 * 1024) }),
      413,
      /limit is 3145728/,
    ],
    "another kind": ["PUT", "", {}, { kind: "Widget" }, 400, /kind in the data \(Widget\)/],
    "another version": ["PUT", "", {}, { apiVersion: "toy.example.com/v2" }, 400, /API version in the data/],
    "another name": ["PUT", "", {}, { metadata: { name: "two" } }, 400, /name of the object/],
    "another namespace": [
      "PATCH",
      "",
      MERGE,
      { metadata: { namespace: "b" } },
      400,
      /namespace of the provided object/,
    ],
    "a value that is not offered": [
      "PUT",
      "",
      {},
      { shine: "dull" },
      422,
      /^Polish.toy.example.com "one" is invalid: shine: Unsupported value: "dull": supported values: "matt", "bright"$/,
    ],
    "a value of another type": [
      "PUT",
      "",
      {},
      { layers: [{ thickness: "1" }] },
      422,
      /layers\[0\]\.thickness: Invalid value: "string": layers\[0\]\.thickness in body must be of type integer: "string"$/,
    ],
    "a missing value": ["PUT", "", {}, { layers: [{}] }, 422, /layers\[0\].thickness: Required value$/],
    "a failed test": [
      "PATCH",
      "",
      JSON_PATCH,
      [{ op: "test", path: "/kind", value: "x" }],
      422,
      /^the server rejected our request due to an error/,
    ],
    "a patch that copies without end": [
      "PATCH",
      "",
      JSON_PATCH,
      doubling(),
      422,
      /^the server rejected our request/,
    ],
    "unknown fields when strict": [
      "PUT",
      "?fieldValidation=Strict",
      {},
      { shyne: "matt" },
      400,
      /^Polish in version "v1" cannot be handled as a Polish: strict decoding error: unknown field "shyne"$/,
    ],
    "another dry run": [
      "PUT",
      "?dryRun=Some",
      {},
      {},
      422,
      /^UpdateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: \["Some"\]/,
    ],
    "an empty dry run": ["PUT", "?dryRun=", {}, {}, 422, /dryRun/],
    "another field validation": ["PUT", "?fieldValidation=Maybe", {}, {}, 422, /fieldValidation/],
    "an old version": ["PUT", "", {}, { metadata: { resourceVersion: "1" } }, 409, /has been modified/],
    "a patch that names an old version": [
      "PATCH",
      "",
      MERGE,
      { metadata: { resourceVersion: "1" } },
      409,
      /has been modified/,
    ],
    "verbs that it does not offer": [
      "DELETE",
      "",
      {},
      {},
      405,
      /^delete is not supported on resources of kind "widgets\.toy\.example\.com"$/,
    ],
  };
  for (const [name, [method, query, headers, body, code, message]] of Object.entries(refused)) {
    it(`refuses ${name}`, async () => {
      const { status, json, text } = await toy.call(`${POLISH}${query}`, { method, headers, body });
      expect(status, text).to.equal(code);
      expect(json.message).to.match(message);
      expect(await shine()).to.equal(undefined);
    });
  }

  it("names each field that is wrong as a cause", async () => {
    const body = { shine: "dull", layers: [{ thickness: 0 }] };
    const { json } = await toy.call(POLISH, { method: "PUT", body });
    expect(
      json.details.causes.map((cause: { field: string; reason: string }) => [cause.field, cause.reason]),
    ).to.deep.equal([
      ["shine", "FieldValueNotSupported"],
      ["layers[0].thickness", "FieldValueInvalid"],
    ]);
  });

  it("drops unknown fields and warns of them, unless they are to be ignored", async () => {
    const body = { shine: "matt", shyne: 1, layers: [{ thickness: 1, 'x"\\é': 2, "x\r\ny": 3 }] };
    const warned = await toy.call(POLISH, { method: "PUT", body });
    expect(warned.status).to.equal(200);
    expect(warned.json).not.to.have.property("shyne");
    // What cannot stand in a header is left out; the rest are bytes.
    expect(Buffer.from(String(warned.headers["warning"]), "latin1").toString()).to.equal(
      '299 - "unknown field \\"layers[0].x\\"\\\\é\\"", 299 - "unknown field \\"shyne\\""',
    );
    const ignored = await toy.call(`${POLISH}?fieldValidation=Ignore`, { method: "PUT", body });
    expect(ignored.headers).not.to.have.property("warning");
  });

  it("passes a dry run on", async () => {
    const { json } = await toy.call(`${POLISH}?dryRun=All`, {
      method: "PATCH",
      headers: MERGE,
      body: { shine: "matt" },
    });
    expect(json.shine).to.equal("matt");
    expect(await shine()).to.equal(undefined);
  });

  it("applies patches that name no version anew, so that all of several at once succeed", async () => {
    const patches = [1, 2, 3].map(() =>
      toy.call(POLISH, { method: "PATCH", headers: MERGE, body: { shine: "bright" } }),
    );
    const codes = (await Promise.all(patches)).map(({ status }) => status);
    expect(codes).to.deep.equal([200, 200, 200]);
  });

  it("is authorized as what it is, before the body is looked at", async () => {
    toy.deny = ({ verb, subresource }) => verb === "patch" && subresource === "polish";
    const { status } = await toy.call(POLISH, { method: "PATCH", body: "nonsense" });
    expect(status).to.equal(403);
  });
});

function doubling(): object[] {
  const grow = Array.from({ length: 30 }, () => ({ op: "copy", from: "/layers", path: "/layers/0" }));
  return [{ op: "add", path: "/layers", value: ["x".repeat(100)] }, ...grow];
}

function yamlBomb(): string {
  const lines = Array.from(
    { length: 9 },
    (_, at) => `a${at}: &a${at} [${`*a${at - 1},`.repeat(9).slice(0, -1)}]`,
  );
  return ["a: &a-1 [x]", ...lines].join("\n");
}
