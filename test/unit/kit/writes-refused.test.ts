import { expect } from "chai";
import { memoryStore } from "#store/memory.ts";
import { GIZMOS, gizmo, gizmos, JSON_PATCH, MERGE, made, YAML } from "./gizmo.ts";
import { type CallOptions, startToy, type Toy } from "./toy.ts";

const ONE = `${GIZMOS}/one`;
const APPLY = { "content-type": "application/apply-patch+yaml" };
const TEXT = { "content-type": "text/plain" };

type Row = [code: number, message: RegExp | string, options: CallOptions, path?: string];

const post = (body: string | object, headers = {}): CallOptions => ({ method: "POST", body, headers });
const put = (body: string | object, headers = {}): CallOptions => ({ method: "PUT", body, headers });
const merge = (body: string | object): CallOptions => ({ method: "PATCH", headers: MERGE, body });
const json = (operations: unknown): CallOptions => ({
  method: "PATCH",
  headers: JSON_PATCH,
  body: typeof operations === "string" ? operations : JSON.stringify(operations),
});
const broken = /^the server rejected our request due to an error in our request$/;
const invalid = (what: string) => `Gizmo.toy.example.com "two" is invalid: ${what}`;
const spec = (fields: object) => post(gizmo("two", fields));
const metadata = (fields: object) => post(gizmo("two", {}, fields));

const BODIES: Record<string, Row> = {
  "a type of body that is not taken": [
    415,
    /media types include: application\/json, application\/yaml$/,
    post("x", TEXT),
  ],
  nothing: [
    400,
    /^the object provided is unrecognized \(must be of type Gizmo\): couldn't get version\/kind; json parse error: unexpected end of JSON input \(<empty>\)$/,
    post(""),
  ],
  "half of an object": [400, /json parse error: unexpected end of JSON input \(\{\)$/, post("{")],
  "no JSON": [
    400,
    /json parse error: invalid character 'x' looking for beginning of value \(78\)$/,
    post("x"),
  ],
  "more than an object": [
    400,
    /json parse error: invalid character 'x' after top-level value/,
    post('{"kind":"Gizmo"} x'),
  ],
  "a list": [400, /cannot unmarshal array into Go value of type struct/, post("[]")],
  "a kind that is a number": [
    400,
    /cannot unmarshal number into Go struct field \.kind of type string/,
    post('{"kind":5}'),
  ],
  "no kind": [400, /Object 'Kind' is missing in '\{"spec":1\}' \(\{"spec":1\}\)$/, post('{"spec":1}')],
  "another kind": [
    422,
    /^Other\.toy\.example\.com "two" is invalid: kind: Invalid value: "Other": must be Gizmo$/,
    post({ ...gizmo("two"), kind: "Other" }),
  ],
  "another version": [
    400,
    "the API version in the data (toy.example.com/v2) does not match the expected API version (toy.example.com/v1)",
    post({ ...gizmo("two"), apiVersion: "toy.example.com/v2" }),
  ],
  "no version": [400, /^the API version in the data \(\) does not match/, post({ kind: "Gizmo" })],
  "another namespace": [
    400,
    "the namespace of the provided object does not match the namespace sent on the request",
    metadata({ namespace: "b" }),
  ],
  "a version of what is not there yet": [
    500,
    "resourceVersion should not be set on objects to be created",
    metadata({ resourceVersion: "5" }),
  ],
  "YAML that is none": [400, /must be of type Gizmo\): yaml: line 1: /, post("kind: [", YAML)],
  "two YAML documents": [400, /more than one YAML document/, post("kind: Gizmo\n---\nkind: Gizmo\n", YAML)],
  "YAML bombs": [400, /aliases that cannot be written out/, post(yamlBomb(), YAML)],
  "YAML that aliases blow up": [
    400,
    /too large when its aliases are written out/,
    post(`a: &a "${"x".repeat(100_000)}"\nb: [${"*a,".repeat(50)}*a]\n`, YAML),
  ],
  "what nests too deeply": [400, /nested too deeply/, post("[".repeat(500))],
  "YAML that nests too deeply": [400, /too deeply|exhaustion/, post("- ".repeat(5000), YAML)],
  "names of prototypes": [
    400,
    'the body of the request has a field named "__proto__" at "spec.__proto__"',
    post('{"kind":"Gizmo","spec":{"__proto__":{"a":1}}}'),
  ],
  "integers that would be rounded": [
    400,
    /has an integer at "spec\.size" that is beyond ±9007199254740991/,
    post('{"kind":"Gizmo","spec":{"size":9007199254740993}}'),
  ],
  "integers that would be rounded, in YAML": [
    400,
    /has an integer at "spec\.size" that is beyond/,
    post("kind: Gizmo\nspec: {size: 9007199254740993}\n", YAML),
  ],
  "numbers out of range": [
    400,
    /has a number at "spec\.ratio" that is out of range/,
    post('{"kind":"Gizmo","spec":{"ratio":1e400}}'),
  ],
  "YAML over half a MiB": [
    413,
    "Request entity too large: limit is 524288",
    post(`a: ${"x".repeat(512 * 1024)}`, YAML),
  ],
  "bodies over 3 MiB": [
    413,
    "Request entity too large: limit is 3145728",
    post(JSON.stringify("x".repeat(3 * 1024 * 1024))),
  ],
};

const OPTIONS: Record<string, Row> = {
  "a dry run of some sort": [
    422,
    'CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["Some"]: supported values: "All"',
    post(gizmo("two")),
    `${GIZMOS}?dryRun=Some`,
  ],
  "an empty dry run": [422, /dryRun: Unsupported value: \[""\]/, post(gizmo("two")), `${GIZMOS}?dryRun=`],
  "a dry run of two sorts": [
    422,
    /^UpdateOptions.*dryRun: Unsupported value: \["All","Some"\]/,
    put(gizmo("one")),
    `${ONE}?dryRun=All&dryRun=Some`,
  ],
  "another field validation": [
    422,
    /^PatchOptions.*fieldValidation: Unsupported value: "Maybe": supported values: "", "Ignore", "Strict", "Warn"$/,
    merge({}),
    `${ONE}?fieldValidation=Maybe`,
  ],
  "a manager that cannot be printed": [
    422,
    /fieldManager: Invalid value: "a\\tb": invalid character U\+0009 \(at position 1\)$/,
    post(gizmo("two")),
    `${GIZMOS}?fieldManager=a%09b`,
  ],
  "a manager with a long name": [
    422,
    /fieldManager: Too long: may not be more than 128 bytes$/,
    post(gizmo("two")),
    `${GIZMOS}?fieldManager=${"a".repeat(129)}`,
  ],
  "force where nothing is applied": [
    422,
    /force: Forbidden: may not be specified for non-apply patch$/,
    merge({}),
    `${ONE}?force=true`,
  ],
  "unknown and repeated fields when strict": [
    400,
    'Gizmo in version "v1" cannot be handled as a Gizmo: strict decoding error: duplicate field "spec.color", unknown field "metadata.nam", unknown field "spec.colour", unknown field "zed"',
    post(
      '{"kind":"Gizmo","apiVersion":"toy.example.com/v1","metadata":{"nam":"x"},"zed":1,"spec":{"color":"red","color":"blue","colour":1}}',
    ),
    `${GIZMOS}?fieldValidation=Strict`,
  ],
  "the same in YAML": [
    400,
    'Gizmo in version "v1" cannot be handled as a Gizmo: strict decoding error: yaml: unmarshal errors:\n  line 5: key "color" already set in map, unknown field "spec.colour"',
    post(
      "kind: Gizmo\napiVersion: toy.example.com/v1\nspec:\n  color: red\n  color: blue\n  colour: 1\n",
      YAML,
    ),
    `${GIZMOS}?fieldValidation=Strict`,
  ],
};

const METADATA: Record<string, Row> = {
  "no name": [422, /metadata\.name: Required value: name or generateName is required$/, post(gizmo(""))],
  "a name in capitals": [
    422,
    /metadata\.name: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of .*regex used for validation is '\[a-z0-9\]\(\[-a-z0-9\]\*\[a-z0-9\]\)\?\(\\\.\[a-z0-9\]\(\[-a-z0-9\]\*\[a-z0-9\]\)\?\)\*'\)$/,
    post(gizmo("A")),
  ],
  "a long name": [
    422,
    /metadata\.name: Invalid value: "a+": must be no more than 253 characters$/,
    post(gizmo("a".repeat(254))),
  ],
  "a beginning of a name that cannot be one": [
    422,
    /metadata\.generateName: Invalid value: "A!-": .*, metadata\.name: Invalid value: "A!-[a-z0-9]{5}"/,
    post(gizmo("", {}, { generateName: "A!-" })),
  ],
  "labels that are no texts": [
    400,
    'Gizmo in version "v1" cannot be handled as a Gizmo: json: cannot unmarshal number into Go struct field ObjectMeta.labels of type string',
    metadata({ labels: { a: 1 } }),
  ],
  "labels that are a list": [
    400,
    /cannot unmarshal array into Go struct field ObjectMeta\.labels of type map\[string\]string$/,
    metadata({ labels: [] }),
  ],
  "owners that are texts": [
    400,
    /cannot unmarshal string into Go struct field ObjectMeta\.ownerReferences of type v1\.OwnerReference$/,
    metadata({ ownerReferences: ["x"] }),
  ],
  "a controller that is a text": [
    400,
    /cannot unmarshal string into Go struct field OwnerReference\.ownerReferences\.controller of type bool$/,
    metadata({ ownerReferences: [{ controller: "x" }] }),
  ],
  "a fraction of a generation": [
    400,
    /cannot unmarshal number 1\.5 into Go struct field ObjectMeta\.generation of type int64$/,
    metadata({ generation: 1.5 }),
  ],
  "a time that is none": [
    400,
    /parsing time "x" as "2006-01-02T15:04:05Z07:00": cannot parse "x" as "2006"$/,
    metadata({ creationTimestamp: "x" }),
  ],
  "metadata that is a text": [
    400,
    /cannot unmarshal string into Go value of type v1\.ObjectMeta$/,
    post({ ...gizmo("two"), metadata: "x" }),
  ],
  "a label's key with a space": [
    422,
    /metadata\.labels: Invalid value: "a b": name part must consist of/,
    metadata({ labels: { "a b": "x" } }),
  ],
  "a label's key without a name": [
    422,
    /"x\/": name part must be non-empty, metadata\.labels: Invalid value: "x\/": name part must consist/,
    metadata({ labels: { "x/": "" } }),
  ],
  "a label's key of three parts": [
    422,
    /a valid label key must consist of .* with an optional DNS subdomain prefix and '\/' \(e\.g\. 'example\.com\/MyName'\)$/,
    metadata({ labels: { "a/b/c": "" } }),
  ],
  "a label's value with a slash": [
    422,
    /metadata\.labels: Invalid value: "a\/b": a valid label must be an empty string or consist of/,
    metadata({ labels: { a: "a/b" } }),
  ],
  "an annotation's key": [
    422,
    /metadata\.annotations: Invalid value: "X!": name part must consist of/,
    metadata({ annotations: { "X!": "" } }),
  ],
  "too many annotations": [
    422,
    invalid("metadata.annotations: Too long: may not be more than 262144 bytes"),
    metadata({ annotations: { a: "x".repeat(262144) } }),
  ],
  "a finalizer": [
    422,
    /metadata\.finalizers: Invalid value: "x y": name part must consist of/,
    metadata({ finalizers: ["x y"] }),
  ],
  "two ways for dependents": [
    422,
    /finalizer orphan and foregroundDeletion cannot be both set$/,
    metadata({ finalizers: ["orphan", "foregroundDeletion"] }),
  ],
  "an empty owner": [
    422,
    invalid(
      '[metadata.ownerReferences.apiVersion: Invalid value: "": version must not be empty, metadata.ownerReferences.kind: Invalid value: "": must not be empty, metadata.ownerReferences.name: Invalid value: "": must not be empty, metadata.ownerReferences.uid: Invalid value: "": must not be empty]',
    ),
    metadata({ ownerReferences: [{}] }),
  ],
  "two controllers": [
    422,
    /Only one reference can have Controller set to true\. Found "true" in references for A\/x and B\/y$/,
    metadata({
      ownerReferences: [
        { apiVersion: "v1", kind: "A", name: "x", uid: "1", controller: true },
        { apiVersion: "v1", kind: "B", name: "y", uid: "2", controller: true },
      ],
    }),
  ],
};

const CONTENT: Record<string, Row> = {
  "no spec": [422, invalid("spec: Required value"), post({ ...gizmo("two"), spec: undefined })],
  "a spec that is a text": [
    422,
    invalid('spec: Invalid value: "string": spec in body must be of type object: "string"'),
    post({ ...gizmo("two"), spec: "x" }),
  ],
  "a value that is not offered": [
    422,
    invalid('spec.color: Unsupported value: "green": supported values: "red", "blue"'),
    spec({ color: "green" }),
  ],
  "a value of another type": [
    422,
    invalid(
      '[spec.color: Invalid value: "integer": spec.color in body must be of type string: "integer", spec.color: Unsupported value: 5: supported values: "red", "blue"]',
    ),
    spec({ color: 5 }),
  ],
  "too small a number": [
    422,
    invalid("spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1"),
    spec({ size: 0 }),
  ],
  "too big a number": [
    422,
    invalid("spec.size: Invalid value: 11: spec.size in body should be less than or equal to 10"),
    spec({ size: 11 }),
  ],
  "a fraction": [
    422,
    invalid(
      '[spec.size: Invalid value: "number": spec.size in body must be of type integer: "number", <nil>: Invalid value: "": Checked value must be of type integer (default format) in spec.size]',
    ),
    spec({ size: 1.5 }),
  ],
  "more than 32 bits": [
    422,
    /Checked value must be of type integer with format int32 in spec\.small$/,
    spec({ small: 2 ** 31 }),
  ],
  "a number at its end": [
    422,
    invalid("spec.ratio: Invalid value: 0: spec.ratio in body should be greater than 0"),
    spec({ ratio: 0 }),
  ],
  "no multiple": [
    422,
    invalid("spec.ratio: Invalid value: 0.7: spec.ratio in body should be a multiple of 0.5"),
    spec({ ratio: 0.7 }),
  ],
  "too short a text": [
    422,
    invalid('spec.name: Invalid value: "x": spec.name in body should be at least 2 chars long'),
    spec({ name: "x" }),
  ],
  "too long a text": [
    422,
    invalid("spec.name: Too long: may not be more than 5 bytes"),
    spec({ name: "xxxxxx" }),
  ],
  "a text that does not match": [
    422,
    invalid("spec.name: Invalid value: \"XX\": spec.name in body should match '^[a-z]+$'"),
    spec({ name: "XX" }),
  ],
  "no time": [
    422,
    invalid('spec.when: Invalid value: "noon": spec.when in body must be of type date-time: "noon"'),
    spec({ when: "noon" }),
  ],
  "too short a list": [
    422,
    invalid("spec.tags: Invalid value: 0: spec.tags in body should have at least 1 items"),
    spec({ tags: [] }),
  ],
  "too long a list": [
    422,
    invalid("spec.tags: Too many: 4: must have at most 3 items"),
    spec({ tags: ["a", "b", "c", "d"] }),
  ],
  "an item of another type": [
    422,
    invalid('spec.tags[0]: Invalid value: "integer": spec.tags[0] in body must be of type string: "integer"'),
    spec({ tags: [1] }),
  ],
  "an item twice in a set": [
    422,
    invalid('spec.tags[1]: Duplicate value: "a"'),
    spec({ tags: ["a", "a", "a"] }),
  ],
  "a key twice in a keyed list": [
    422,
    invalid('spec.parts[1]: Duplicate value: {"id":"a"}'),
    spec({ parts: [{ id: "a" }, { id: "a", weight: 2 }] }),
  ],
  "a keyed list of texts": [
    422,
    /spec\.parts\[0\]: Invalid value: "x": must be an object for an array of list-type map\]$/,
    spec({ parts: ["x"] }),
  ],
  "an item without its key": [422, invalid("spec.parts[0].id: Required value"), spec({ parts: [{}] })],
  "items that are the same": [
    422,
    invalid('spec.plain: Invalid value: "": spec.plain in body shouldn\'t contain duplicates'),
    spec({ plain: [1, 1] }),
  ],
  "neither of two types": [
    422,
    invalid(
      'spec.port: Invalid value: "boolean": spec.port in body must be of type integer,string: "boolean"',
    ),
    spec({ port: true }),
  ],
  "a value in a map": [
    422,
    invalid('spec.extra.a: Invalid value: "integer": spec.extra.a in body must be of type string: "integer"'),
    spec({ extra: { a: 1 } }),
  ],
  "too small a map": [
    422,
    invalid("spec.extra: Invalid value: 0: spec.extra in body should have at least 1 properties"),
    spec({ extra: {} }),
  ],
  "too big a map": [
    422,
    invalid("spec.extra: Too many: 3: must have at most 2 items"),
    spec({ extra: { a: "", b: "", c: "" } }),
  ],
  "what the resource forbids": [
    422,
    invalid("spec.size: Forbidden: too blue"),
    spec({ color: "blue", size: 9 }),
  ],
};

const CHANGES: Record<string, Row> = {
  "a change that the resource forbids": [
    422,
    /spec\.size: Forbidden: it grows$/,
    merge({ spec: { size: 1 } }),
  ],
  "no version": [
    422,
    'gizmos.toy.example.com "one" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update',
    put(gizmo("one")),
  ],
  "a version that is none": [
    500,
    'strconv.ParseUint: parsing "abc": invalid syntax',
    put(gizmo("one", {}, { resourceVersion: "abc" })),
  ],
  "another object of that name": [
    409,
    /^Operation cannot be fulfilled on gizmos\.toy\.example\.com "one": StorageError: invalid object, Code: 4, Key: \/registry\/toy\.example\.com\/gizmos\/a\/one, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: other, UID in object meta: [-0-9a-f]{36}$/,
    put(gizmo("one", {}, { resourceVersion: "1", uid: "other" })),
  ],
  "another name": [
    400,
    "the name of the object (two) does not match the name on the URL (one)",
    put(gizmo("two")),
  ],
  "no name": [
    400,
    "the name of the object (one based on URL) was undeterminable: name must be provided",
    put(gizmo("")),
  ],
  "what is not there": [404, 'gizmos.toy.example.com "two" not found', put(gizmo("two")), `${GIZMOS}/two`],
  "another uid": [
    422,
    'Gizmo.toy.example.com "one" is invalid: metadata.uid: Invalid value: "other": field is immutable',
    merge({ metadata: { uid: "other" } }),
  ],
  "a time of deletion": [
    422,
    /^Gizmo\.toy\.example\.com "one" is invalid: \[metadata\.deletionTimestamp: Invalid value: "2020-01-01T00:00:00Z": field is immutable, metadata\.deletionGracePeriodSeconds: Invalid value: 5: field is immutable\]$/,
    merge({ metadata: { deletionTimestamp: "2020-01-01T00:00:00Z", deletionGracePeriodSeconds: 5 } }),
  ],
  "another kind by patch": [
    422,
    /^Other\.toy\.example\.com "one" is invalid: kind: Invalid value: "Other": must be Gizmo$/,
    merge({ kind: "Other" }),
  ],
  "no kind by patch": [
    422,
    / "" is invalid: patch: Invalid value: Object 'Kind' is missing$/,
    merge({ kind: null }),
  ],
  "strategic merge patches": [
    415,
    /accepted media types include: application\/json-patch\+json, application\/merge-patch\+json$/,
    { ...merge({}), headers: { "content-type": "application/strategic-merge-patch+json" } },
  ],
  "server-side apply": [415, /media types/, { ...merge({}), headers: APPLY }],
  "half of a patch": [400, "error decoding patch: unexpected end of JSON input", merge('{"spec":')],
  "a list as a merge patch": [
    400,
    "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}",
    merge("[]"),
  ],
  "null as a merge patch": [400, "Invalid JSON Patch", merge("null")],
  "an object as a JSON patch": [
    400,
    "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp",
    json("{}"),
  ],
  "an operation that is a number": [
    400,
    /cannot unmarshal number into Go value of type handlers\.jsonPatchOp$/,
    json("[5]"),
  ],
  "a path that is a number": [
    400,
    /cannot unmarshal number into Go struct field jsonPatchOp\.path of type string$/,
    json([{ op: "add", path: 5 }]),
  ],
  "a test that fails": [422, broken, json([{ op: "test", path: "/spec/color", value: "blue" }])],
  "another operation": [422, broken, json([{ op: "bad", path: "/spec/color" }])],
  "removing what is not there": [422, broken, json([{ op: "remove", path: "/spec/none" }])],
  "adding below nothing": [422, broken, json([{ op: "add", path: "/none/x", value: 1 }])],
  "an index beyond the end": [
    422,
    broken,
    json([
      { op: "add", path: "/spec/tags", value: [] },
      { op: "add", path: "/spec/tags/1", value: 1 },
    ]),
  ],
  "a path to a prototype": [422, broken, json([{ op: "add", path: "/__proto__/x", value: 1 }])],
  "the place of the whole object": [422, broken, json([{ op: "add", path: "", value: {} }])],
  "a patch that copies without end": [422, broken, json(doubling())],
  "a patch that nests without end": [
    422,
    / "" is invalid: patch: Invalid value: the object is nested too deeply$/,
    json(Array.from({ length: 200 }, () => ({ op: "copy", from: "/spec", path: "/spec/free" }))),
  ],
  "more than 10,000 operations": [
    413,
    "Request entity too large: The allowed maximum operations in a JSON patch is 10000, got 10001",
    json(Array.from({ length: 10_001 }, () => ({ op: "test", path: "/kind", value: "Gizmo" }))),
  ],
};

const DELETIONS: Record<string, Row> = {
  "another uid": [
    409,
    /^Operation cannot be fulfilled on Gizmo\.toy\.example\.com "one": the UID in the precondition \(x\) does not match the UID in record \([-0-9a-f]{36}\)\. The object might have been deleted and then recreated$/,
    remove({ preconditions: { uid: "x" } }),
  ],
  "another version": [
    409,
    /the ResourceVersion in the precondition \(1\) does not match the ResourceVersion in record \(\d+\)\. The object might have been modified$/,
    remove({ preconditions: { resourceVersion: "1" } }),
  ],
  "another policy": [
    422,
    'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: "Bad": supported values: "Foreground", "Background", "Orphan", "nil"',
    remove({ propagationPolicy: "Bad" }),
  ],
  "a policy said twice": [
    422,
    /propagationPolicy: Invalid value: "Orphan": orphanDependents and deletionPropagation cannot be both set$/,
    remove({ propagationPolicy: "Orphan", orphanDependents: true }),
  ],
  "a dry run of some sort": [
    422,
    /^DeleteOptions.*dryRun: Unsupported value: \["X"\]: supported values: "All"$/,
    remove({ dryRun: ["X"] }),
  ],
  "other options": [
    400,
    'no kind "Other" is registered for version "v1" in scheme "pkg/runtime/scheme.go:111"',
    remove({ kind: "Other", apiVersion: "v1" }),
  ],
  "a period that is a text": [
    400,
    "json: cannot unmarshal string into Go struct field DeleteOptions.gracePeriodSeconds of type int64",
    remove({ gracePeriodSeconds: "x" }),
  ],
  "a period in the query that is none": [
    400,
    'strconv.ParseInt: parsing "x": invalid syntax',
    { method: "DELETE" },
    `${ONE}?gracePeriodSeconds=x`,
  ],
  "no JSON": [
    400,
    "couldn't get version/kind; json parse error: invalid character 'x' looking for beginning of object key string",
    remove("{x"),
  ],
  "a list": [
    400,
    /^couldn't get version\/kind; json parse error: json: cannot unmarshal array/,
    remove("[]"),
  ],
  "another type of body": [415, /media types/, { ...remove("{}"), headers: TEXT }],
  "what is not there": [404, 'gizmos.toy.example.com "two" not found', { method: "DELETE" }, `${GIZMOS}/two`],
  "a selector that is none": [400, /\(/, { method: "DELETE" }, `${GIZMOS}?labelSelector=%28`],
  "a field that cannot be selected": [
    400,
    "field label not supported: spec.x",
    { method: "DELETE" },
    `${GIZMOS}?fieldSelector=spec.x%3D1`,
  ],
};

const PLACES: Record<string, [rows: Record<string, Row>, path: string]> = {
  "bodies: ": [BODIES, GIZMOS],
  "options: ": [OPTIONS, GIZMOS],
  "metadata: ": [METADATA, GIZMOS],
  "content: ": [CONTENT, GIZMOS],
  "changes: ": [CHANGES, ONE],
  "deletions: ": [DELETIONS, ONE],
};

describe("a write is refused for", () => {
  let toy: Toy;
  before(async () => {
    const store = memoryStore();
    toy = await startToy(store, [gizmos(store)]);
    await made(toy, "one");
  });
  after(() => toy.close());

  for (const [place, [rows, usual]] of Object.entries(PLACES))
    for (const [name, [code, message, options, path = usual]] of Object.entries(rows))
      it(`${place}${name}`, async () => {
        const before = await toy.store.revision();
        const { status, json: answer, text } = await toy.call(path, options);
        expect(status, text).to.equal(code);
        expect(answer).to.include({ kind: "Status", apiVersion: "v1", status: "Failure", code });
        if (typeof message === "string") expect(answer.message).to.equal(message);
        else expect(answer.message).to.match(message);
        expect(await toy.store.revision()).to.equal(before);
        expect(toy.logged).to.deep.equal([]);
      });

  it("several things at once, each with its cause", async () => {
    const body = gizmo("two", { color: "green", size: 0 }, { labels: { a: "/" } });
    const { json: answer } = await toy.call(GIZMOS, post(body));
    expect(answer.details).to.include({ name: "two", group: "toy.example.com", kind: "Gizmo" });
    expect(
      answer.details.causes.map((cause: { field: string; reason: string }) => [cause.field, cause.reason]),
    ).to.deep.equal([
      ["metadata.labels", "FieldValueInvalid"],
      ["spec.color", "FieldValueNotSupported"],
      ["spec.size", "FieldValueInvalid"],
    ]);
  });

  it("a secret without repeating it", async () => {
    const store = memoryStore();
    const secretive = await startToy(store, [gizmos(store, { secretValues: true })]);
    for (const body of [
      gizmo("two", { name: "HUNTER2" }),
      gizmo("two", { color: "HUNTER2" }),
      '{"pin":"HUNTER2"}',
      'HUNTER2"',
    ]) {
      const { status, text } = await secretive.call(GIZMOS, post(body));
      expect(status).to.be.within(400, 422);
      expect(text).not.to.match(/hunter2|48554e54/i);
    }
    await secretive.close();
  });
});

function remove(body: string | object): CallOptions {
  return { method: "DELETE", body };
}

function doubling(): object[] {
  const grow = Array.from({ length: 30 }, () => ({ op: "copy", from: "/spec/free", path: "/spec/free/-" }));
  return [{ op: "add", path: "/spec/free", value: ["x".repeat(100)] }, ...grow];
}

function yamlBomb(): string {
  const lines = Array.from(
    { length: 9 },
    (_, at) => `a${at}: &a${at} [${`*a${at - 1},`.repeat(9).slice(0, -1)}]`,
  );
  return ["a: &a-1 [x]", ...lines].join("\n");
}
