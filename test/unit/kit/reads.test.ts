import { gunzipSync } from "node:zlib";
import { expect } from "chai";
import { storedReader } from "#kit/stored.ts";
import { memoryStore } from "#store/memory.ts";
import { ROOT, startToy, type Toy, widgets } from "./toy.ts";

const WIDGETS = `${ROOT}/namespaces/a/widgets`;
const TABLE = { accept: "application/json;as=Table;v=v1;g=meta.k8s.io,application/json" };

describe("reads", () => {
  let toy: Toy;
  beforeEach(async () => {
    toy = await startToy();
    await toy.put("a", "two", { color: "blue", labels: { secret: "yes" } });
    await toy.put("a", "one");
    await toy.put("b", "three");
    await toy.put("old", "four");
  });
  afterEach(() => toy.close());

  const names = async (path: string, headers?: Record<string, string>) => {
    const reply = await toy.call(path, headers ? { headers } : {});
    return reply.json.items.map((item: { metadata: { name: string } }) => item.metadata.name);
  };

  it("get answers the object with its version, and HEAD the same without the body", async () => {
    const reply = await toy.call(`${WIDGETS}/one`);
    expect(reply.status).to.equal(200);
    expect(reply.json).to.include({ kind: "Widget", apiVersion: "toy.example.com/v1" });
    expect(reply.json.metadata.resourceVersion).to.match(/^[1-9]\d*$/);
    const head = await toy.call(`${WIDGETS}/one`, { method: "HEAD" });
    expect(head.text).to.equal("");
    expect(head.headers["content-length"]).to.equal(reply.headers["content-length"]);
  });

  const missing: Record<string, string> = {
    "a name that is not there": `${WIDGETS}/none`,
    "a namespace that is not there": `${ROOT}/namespaces/gone/widgets/one`,
    "a name that no key could hold": `${WIDGETS}/%C3%A4`,
    "a name in another namespace": `${WIDGETS}/three`,
  };
  for (const [name, path] of Object.entries(missing)) {
    it(`get of ${name} is NotFound as Kubernetes words it`, async () => {
      const { status, json } = await toy.call(path);
      expect(status).to.equal(404);
      expect(json).to.deep.include({
        kind: "Status",
        apiVersion: "v1",
        status: "Failure",
        reason: "NotFound",
      });
      expect(json.message).to.match(/^widgets\.toy\.example\.com ".+" not found$/);
      expect(json.details).to.include({ group: "toy.example.com", kind: "widgets" });
    });
  }

  it("what a caller may not see is NotFound and in no list", async () => {
    const headers = { user: "guest" };
    const hidden = await toy.call(`${WIDGETS}/two`, { headers });
    const absent = await toy.call(`${WIDGETS}/2wo`, { headers });
    expect(hidden.text.replace(/two/g, "2wo")).to.equal(absent.text);
    expect(await names(WIDGETS, headers)).to.deep.equal(["one"]);
    expect(await names(`${WIDGETS}?fieldSelector=metadata.name%3Dtwo`, headers)).to.deep.equal([]);
    const table = await toy.call(WIDGETS, { headers: { ...headers, ...TABLE } });
    expect(table.json.rows).to.have.length(1);
  });

  const lists: Record<string, [path: string, expected: string[]]> = {
    "a namespace's objects by name": [WIDGETS, ["one", "two"]],
    "all namespaces that are there": [`${ROOT}/widgets`, ["one", "two", "three"]],
    "an empty list for a namespace that is not there": [`${ROOT}/namespaces/gone/widgets`, []],
    "by label": [`${WIDGETS}?labelSelector=secret`, ["two"]],
    "by a declared field": [`${WIDGETS}?fieldSelector=spec.color%3Dred`, ["one"]],
    "a part within the limit": [`${WIDGETS}?limit=1`, ["one"]],
    "whole where there is no limit to it": [`${WIDGETS}?limit=0`, ["one", "two"]],
    "whole where whatever is at hand will do": [`${WIDGETS}?limit=1&resourceVersion=0`, ["one", "two"]],
    "a version of before": [`${WIDGETS}?resourceVersion=2&resourceVersionMatch=Exact`, ["two"]],
    "a part of the very version that is named": [`${WIDGETS}?resourceVersion=2&limit=5`, ["two"]],
    "at least as fresh as a version": [
      `${WIDGETS}?resourceVersion=1&resourceVersionMatch=NotOlderThan`,
      ["one", "two"],
    ],
    "any version": [`${WIDGETS}?resourceVersion=0`, ["one", "two"]],
  };
  for (const [name, [path, expected]] of Object.entries(lists)) {
    it(`lists ${name}`, async () => {
      expect(await names(path)).to.deep.equal(expected);
    });
  }

  it("a list names its kind and the version it is a snapshot of", async () => {
    const { json } = await toy.call(WIDGETS);
    expect(json).to.include({ kind: "WidgetList", apiVersion: "toy.example.com/v1" });
    // Custom resources' lists show the token also where it is empty.
    const resourceVersion = String(await toy.store.revision());
    expect(json.metadata).to.deep.equal({ continue: "", resourceVersion });
    const exact = await toy.call(
      `${WIDGETS}?resourceVersionMatch=Exact&resourceVersion=${json.metadata.resourceVersion}`,
    );
    expect(exact.json.items).to.have.length(2);
  });

  const refused: Record<string, [path: string, code: number, reason: string, message: RegExp]> = {
    "a get from the future": [
      `${WIDGETS}/one?resourceVersion=999`,
      504,
      "Timeout",
      /^Timeout: Too large resource version: 999, current: 5$/,
    ],
    "a list from the future": [`${WIDGETS}?resourceVersion=999`, 504, "Timeout", /^Timeout: Too large/],
    "an exact list of the future": [
      `${WIDGETS}?resourceVersion=999&resourceVersionMatch=Exact`,
      504,
      "Timeout",
      /^Timeout: Too large resource version: 999, current: 5$/,
    ],
    "a version that is none": [
      `${WIDGETS}?resourceVersion=x`,
      400,
      "BadRequest",
      /^invalid resource version: resourceVersion: Invalid value: "x": strconv.ParseUint: parsing "x": invalid syntax$/,
    ],
    "a version beyond all numbers": [
      `${WIDGETS}?resourceVersion=99999999999999999999`,
      400,
      "BadRequest",
      /value out of range$/,
    ],
    "a limit that is none": [
      `${WIDGETS}?limit=x`,
      400,
      "BadRequest",
      /^strconv.ParseInt: parsing "x": invalid syntax$/,
    ],
    "a match without a version": [
      `${WIDGETS}?resourceVersionMatch=Exact`,
      422,
      "Invalid",
      /forbidden unless resourceVersion/,
    ],
    "an unknown match": [
      `${WIDGETS}?resourceVersion=1&resourceVersionMatch=Near`,
      422,
      "Invalid",
      /Unsupported value: "Near"/,
    ],
    "initial events of a list": [`${WIDGETS}?sendInitialEvents=true`, 422, "Invalid", /forbidden for list/],
    "an unknown field": [
      `${WIDGETS}?fieldSelector=spec.size%3D1`,
      400,
      "BadRequest",
      /^field label not supported: spec.size$/,
    ],
    "a bad label selector": [`${WIDGETS}?labelSelector=a%20b`, 400, "BadRequest", /unable to parse/],
    "an unknown resource": [
      `${ROOT}/namespaces/a/gadgets`,
      404,
      "NotFound",
      /could not find the requested resource/,
    ],
    "an unknown subresource": [
      `${WIDGETS}/one/scale`,
      404,
      "NotFound",
      /^widgets.toy.example.com "one" not found$/,
    ],
    "what follows a subresource": [`${WIDGETS}/one/polish/x`, 404, "NotFound", /"one" not found$/],
    "an object without its namespace": [`${ROOT}/widgets/one`, 404, "NotFound", /could not find/],
    "the deprecated way to watch": [`${ROOT}/watch/widgets`, 404, "NotFound", /could not find/],
    "an unknown path": ["/metrics", 404, "NotFound", /could not find/],
  };
  for (const [name, [path, code, reason, message]] of Object.entries(refused)) {
    it(`refuses ${name}`, async () => {
      const { status, json } = await toy.call(path);
      expect([status, json.code, json.reason]).to.deep.equal([code, code, reason]);
      expect(json.message).to.match(message);
    });
  }

  it("says when to come back in a header too", async () => {
    const { headers, json } = await toy.call(`${WIDGETS}?resourceVersion=999`);
    expect(headers["retry-after"]).to.equal("1");
    expect(json.details.causes[0].reason).to.equal("ResourceVersionTooLarge");
  });

  it("shows a Table with the name first, wide columns marked and ages for dates", async () => {
    const { json } = await toy.call(`${WIDGETS}/one`, { headers: TABLE });
    expect(json).to.include({ kind: "Table", apiVersion: "meta.k8s.io/v1" });
    expect(
      json.columnDefinitions.map((column: { name: string; priority: number }) => [
        column.name,
        column.priority,
      ]),
    ).to.deep.equal([
      ["Name", 0],
      ["Color", 0],
      ["Age", 0],
      ["Size", 1],
    ]);
    expect(json.rows[0].cells[0]).to.equal("one");
    expect(json.rows[0].cells[2]).to.match(/^\d+[smhdy]/);
    expect(json.rows[0].object).to.include({ kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1" });
  });

  it("includes of each row's object what is asked for", async () => {
    const included = async (value: string) =>
      (await toy.call(`${WIDGETS}?includeObject=${value}`, { headers: TABLE })).json.rows[0].object;
    expect(await included("None")).to.equal(null);
    expect(await included("Object")).to.have.property("kind", "Widget");
    expect(await included("Metadata")).not.to.have.property("spec");
    const odd = await toy.call(`${WIDGETS}?includeObject=Odd`, { headers: TABLE });
    expect([odd.status, odd.json.message]).to.deep.equal([
      400,
      'Unable to convert to Table as requested: includeObject: Invalid value: "Odd": ' +
        "must be 'Metadata', 'Object', 'None', or empty",
    ]);
    expect((await toy.call(`${WIDGETS}?includeObject=Odd`)).status).to.equal(200);
  });

  const media: Record<string, [path: string, headers: Record<string, string>, type: string, text: RegExp]> = {
    "an object in one line": [`${WIDGETS}/one`, {}, "application/json", /^\{"apiVersion".*\}\n$/],
    "an object indented, where that is asked for": [
      `${WIDGETS}/one?pretty=true`,
      {},
      "application/json",
      /^\{\n {2}"/,
    ],
    "an object indented for a browser": [
      `${WIDGETS}/one`,
      { "user-agent": "Mozilla/5.0 (X11)" },
      "application/json",
      /^\{\n {2}"/,
    ],
    "an object as YAML": [
      `${WIDGETS}/one`,
      { accept: "application/yaml" },
      "application/yaml",
      /^apiVersion: toy\.example\.com\/v1\nkind: Widget\nmetadata:\n {2}creationTimestamp: "2026-01-01T00:00:00Z"\n/,
    ],
    "a list as YAML": [
      WIDGETS,
      { accept: "application/yaml" },
      "application/yaml",
      /\nitems:\n- apiVersion: /,
    ],
    "an error in one line": [`${WIDGETS}/none`, {}, "application/json", /^\{"kind":"Status".*\}\n$/],
    "an error indented, where that is asked for": [
      `${WIDGETS}/none?pretty=1`,
      {},
      "application/json",
      /^\{\n {2}"kind": "Status"/,
    ],
    "an error as YAML": [
      `${WIDGETS}/none`,
      { accept: "application/yaml" },
      "application/yaml",
      /^apiVersion: v1\ncode: 404\n/,
    ],
    "an error in a form that errors do not have": [
      `${WIDGETS}/none`,
      TABLE,
      "application/json",
      /^\{"kind":"Status"/,
    ],
    "what cannot be had, indented": [
      WIDGETS,
      { accept: "text/html" },
      "application/json",
      /^\{\n {2}"kind": "Status"/,
    ],
  };
  for (const [name, [path, headers, type, text]] of Object.entries(media))
    it(`writes ${name}`, async () => {
      const reply = await toy.call(path, { headers });
      expect(reply.headers["content-type"]).to.equal(type);
      expect(reply.text).to.match(text);
    });

  it("takes the first clause of Accept that it can answer", async () => {
    const cases: [accept: string, type: string | undefined][] = [
      ["application/vnd.kubernetes.protobuf,application/json", "application/json"],
      ["application/yaml,application/json", "application/yaml"],
      ["application/yaml;stream=watch,application/json;stream=other,*/*;q=0.1", "application/json"],
      ["application/vnd.kubernetes.protobuf", undefined],
    ];
    for (const [accept, type] of cases) {
      const { status, headers } = await toy.call(WIDGETS, { headers: { accept } });
      expect([status, status === 200 ? headers["content-type"] : undefined], accept).to.deep.equal([
        type ? 200 : 406,
        type,
      ]);
    }
  });

  it("shows metadata alone, as an object and as a list", async () => {
    const as = (kind: string) => ({
      accept: `application/vnd.kubernetes.protobuf;as=${kind};g=meta.k8s.io;v=v1,application/json;as=${kind};g=meta.k8s.io;v=v1,application/json`,
    });
    const one = await toy.call(`${WIDGETS}/one`, { headers: as("PartialObjectMetadata") });
    expect(one.json).to.include({ kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1" });
    const list = await toy.call(WIDGETS, { headers: as("PartialObjectMetadataList") });
    expect(list.json.kind).to.equal("PartialObjectMetadataList");
    expect(list.json.items[0]).not.to.have.property("spec");
    const mixed = await toy.call(WIDGETS, { headers: as("PartialObjectMetadata") });
    expect([mixed.status, mixed.json.reason]).to.deep.equal([406, "NotAcceptable"]);
  });

  it("compresses what is large where that is asked for", async () => {
    for (let at = 0; at < 700; at++) await toy.put("big", `widget-${at}`);
    const plain = await toy.call(`${ROOT}/namespaces/big/widgets`);
    const headers = { "accept-encoding": "gzip", user: "alice" };
    const reply = await toy.call(`${ROOT}/namespaces/big/widgets`, { headers });
    expect(reply.headers).to.include({ "content-encoding": "gzip", vary: "Accept-Encoding" });
    expect(gunzipSync(reply.bytes).toString()).to.equal(plain.text);
  });

  it("logs what nobody foresaw and keeps its text private", async () => {
    await toy.store.commit({ puts: [{ key: "widgets/ns-a/broken", value: "private text" }] });
    const { status, json, text } = await toy.call(`${WIDGETS}/broken`);
    expect([status, json.reason]).to.deep.equal([500, "InternalError"]);
    expect(text).not.to.include("private");
    expect(toy.logged).to.have.length(1);
  });
});

describe("a resource that can only be read", () => {
  let toy: Toy;
  before(async () => {
    const store = memoryStore();
    const readings = {
      ...widgets(store),
      plural: "readings",
      storage: storedReader(store, { prefix: "readings/" }),
    };
    toy = await startToy(store, [readings]);
  });
  after(() => toy.close());

  const READINGS = `${ROOT}/namespaces/a/readings`;
  for (const [method, path] of [
    ["POST", READINGS],
    ["PUT", `${READINGS}/one`],
    ["PATCH", `${READINGS}/one`],
    ["DELETE", `${READINGS}/one`],
    ["DELETE", READINGS],
    ["POST", "/version"],
  ] as const)
    it(`answers 405 to ${method} ${path}`, async () => {
      const { status, json } = await toy.call(path, { method });
      expect([status, json.reason]).to.deep.equal([405, "MethodNotAllowed"]);
    });
});

describe("who may ask", () => {
  let toy: Toy;
  beforeEach(async () => {
    toy = await startToy();
  });
  afterEach(() => toy.close());

  for (const user of ["", "nobody"]) {
    it(`answers 401 ${user === "" ? "without a credential" : "to a bad credential"}`, async () => {
      const { status, json } = await toy.call(WIDGETS, { headers: { user } });
      expect([status, json.reason, json.message]).to.deep.equal([401, "Unauthorized", "Unauthorized"]);
    });
  }

  it("answers health to everybody but a bad credential", async () => {
    for (const path of ["/livez", "/readyz", "/healthz"]) {
      expect((await toy.call(path, { headers: { user: "" } })).text).to.equal("ok");
      expect((await toy.call(path, { headers: { user: "nobody" } })).status).to.equal(401);
    }
  });

  const denials: [method: string, path: string, message: string][] = [
    [
      "GET",
      `${WIDGETS}/one`,
      'widgets.toy.example.com "one" is forbidden: User "alice" cannot get resource "widgets" in API group "toy.example.com" in the namespace "a": no rule',
    ],
    [
      "GET",
      `${ROOT}/widgets`,
      'widgets.toy.example.com is forbidden: User "alice" cannot list resource "widgets" in API group "toy.example.com" at the cluster scope: no rule',
    ],
    [
      "PATCH",
      `${WIDGETS}/one/polish`,
      'widgets.toy.example.com "one" is forbidden: User "alice" cannot patch resource "widgets/polish" in API group "toy.example.com" in the namespace "a": no rule',
    ],
    ["GET", "/version", 'forbidden: User "alice" cannot get path "/version": no rule'],
  ];
  for (const [method, path, message] of denials) {
    it(`says why ${method} ${path} is forbidden`, async () => {
      toy.deny = () => true;
      const { status, json } = await toy.call(path, { method });
      expect([status, json.reason, json.message]).to.deep.equal([403, "Forbidden", message]);
    });
  }

  it("never takes a failing authorizer for a permission", async () => {
    toy.deny = () => {
      throw new Error("private");
    };
    const { status, text } = await toy.call(WIDGETS);
    expect(status).to.equal(500);
    expect(text).not.to.include("private");
  });
});
