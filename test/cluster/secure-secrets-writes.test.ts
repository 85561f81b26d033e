/** The same write of a Secret and of a view, by a person whom nobody holds: the same answer, and the same Secret. */
import { expect } from "chai";
import { asUserOf, type Call, type Caller } from "../support/raw.ts";
import { startTestbed, type Testbed } from "../support/testbed.ts";

const base64 = (text: string) => Buffer.from(text).toString("base64");
const MERGE = "application/merge-patch+json";
const JSON_PATCH = "application/json-patch+json";
const APPLY = "application/apply-patch+yaml";

interface Target {
  /** Of all Secrets of the namespace, and of this one. */
  all: string;
  one: string;
  name: string;
  type: { apiVersion: string; kind: string };
  /** As it is read, before anything is done. */
  object: { metadata: object; data: Record<string, string> };
}

const SIDES = {
  core: { root: "/api/v1", plural: "secrets", type: { apiVersion: "v1", kind: "Secret" } },
  view: {
    ...{ root: "/apis/hoop.dev/v1alpha1", plural: "secure-secrets" },
    type: { apiVersion: "hoop.dev/v1alpha1", kind: "SecureSecret" },
  },
} as const;

const create =
  (content: object) =>
  ({ all, type }: Target): Call => ({
    ...{ method: "POST", path: all, body: { ...type, metadata: { name: "new" }, ...content } },
  });
const patch =
  (type: string, body: object | string, query = "") =>
  ({ one }: Target): Call => ({
    ...{ method: "PATCH", path: `${one}${query}`, type, body },
  });
const merge = (body: object, query = "") => patch(MERGE, body, query);
const put =
  (change: (target: Target) => object, query = "") =>
  (target: Target): Call => ({
    ...{ method: "PUT", path: `${target.one}${query}`, body: { ...target.object, ...change(target) } },
  });
const apply =
  (content: object, query = "?fieldManager=me") =>
  ({ one, type, name }: Target): Call => ({
    ...{
      method: "PATCH",
      path: `${one}${query}`,
      type: APPLY,
      body: { ...type, metadata: { name }, ...content },
    },
  });

const A = { a: base64("1") };
const WRITES: Readonly<Record<string, (target: Target) => Call>> = {
  "a create": create({ data: A }),
  "a create of plain text, which wins": create({ data: A, stringData: { a: "2", b: "3" } }),
  "a create with labels, annotations and a type": create({
    ...{ type: "example.com/t", data: A },
    metadata: { name: "new", labels: { x: "y" }, annotations: { "example.com/a": "b" } },
  }),
  "a create without data": create({}),
  "a create of an immutable one": create({ data: A, immutable: true }),
  "a create with a finalizer": create({ metadata: { name: "new", finalizers: ["example.com/f"] } }),
  "a create without a name": create({ metadata: {} }),
  "a create of a name that is none": create({ metadata: { name: "New_One" } }),
  "a create of what is there": ({ all, type, name }) => ({
    method: "POST",
    path: all,
    body: { ...type, metadata: { name } },
  }),
  "a create in another namespace than that of the path": create({
    metadata: { name: "new", namespace: "default" },
  }),
  "a create with a version": create({ metadata: { name: "new", resourceVersion: "1" } }),
  "a create of a key that is none": create({ data: { "a/b": "" } }),
  "a create of a key of dots": create({ data: { "..": "" } }),
  "a create of a label that is none": create({ metadata: { name: "new", labels: { x: "?" } } }),
  "a create of a type that lacks its keys": create({ type: "kubernetes.io/tls", data: A }),
  "a create of a Docker configuration that is none": create({
    type: "kubernetes.io/dockerconfigjson",
    stringData: { ".dockerconfigjson": "{" },
  }),
  "a create of what is no JSON": ({ all }) => ({ method: "POST", path: all, body: "{" }),
  "a create that is tried": ({ all, ...rest }) => ({
    ...create({ data: A })({ all, ...rest }),
    path: `${all}?dryRun=All`,
  }),
  "a create that is tried in a way that is none": ({ all, ...rest }) => ({
    ...create({ data: A })({ all, ...rest }),
    path: `${all}?dryRun=Some`,
  }),
  "a create with an unknown field, strictly": ({ all, ...rest }) => ({
    ...create({ dta: A })({ all, ...rest }),
    path: `${all}?fieldValidation=Strict`,
  }),
  "an update of one value": put(({ object }) => ({ data: { ...object.data, a: base64("2") } })),
  "an update that takes a key away": put(({ object: { data } }) => ({ data: { b: data["b"] } })),
  "an update of an old version": put(({ object }) => ({
    metadata: { ...object.metadata, resourceVersion: "1" },
  })),
  "an update of another name": put(({ object }) => ({ metadata: { ...object.metadata, name: "other" } })),
  "an update of another uid": put(({ object }) => ({ metadata: { ...object.metadata, uid: "f00" } })),
  "an update of the type": put(() => ({ type: "example.com/t" })),
  "an update that is tried": put(() => ({ data: {} }), "?dryRun=All"),
  "an update that makes it immutable": put(() => ({ immutable: true })),
  "a merge patch of a value": merge({ data: { a: base64("2") } }),
  "a merge patch of plain text": merge({ stringData: { a: "2", c: "3" } }),
  "a merge patch that takes a key away": merge({ data: { a: null } }),
  "a merge patch that takes all data away": merge({ data: null }),
  "a merge patch of labels and annotations": merge({
    metadata: { labels: { x: "y" }, annotations: { n: "o" } },
  }),
  "a merge patch of nothing": merge({}),
  "a merge patch of an old version": merge({ metadata: { resourceVersion: "1" }, data: A }),
  "a merge patch of the type": merge({ type: "example.com/t" }),
  "a merge patch of a finalizer": merge({ metadata: { finalizers: ["example.com/f"] } }),
  "a merge patch that is tried": merge({ data: { a: null } }, "?dryRun=All"),
  "a merge patch that is no JSON": patch(MERGE, "{"),
  "a JSON patch of a value": patch(JSON_PATCH, [{ op: "replace", path: "/data/a", value: base64("2") }]),
  "a JSON patch that takes a key away": patch(JSON_PATCH, [{ op: "remove", path: "/data/b" }]),
  "a JSON patch of what is not there": patch(JSON_PATCH, [{ op: "remove", path: "/data/z" }]),
  "a JSON patch whose test fails": patch(JSON_PATCH, [{ op: "test", path: "/type", value: "other" }]),
  "a JSON patch of many steps": patch(JSON_PATCH, [
    { op: "add", path: "/data/c", value: base64("3") },
    { op: "remove", path: "/data/c" },
    { op: "add", path: "/metadata/labels", value: { x: "y" } },
  ]),
  "a JSON patch that is none": patch(JSON_PATCH, { op: "remove" }),
  "a patch of a kind that is none": patch("text/plain", "a"),
  "an apply of a value": apply({ data: { a: base64("2"), c: base64("3") } }, "?fieldManager=me&force=true"),
  "an apply of what somebody else has": apply({ data: { a: base64("2") } }),
  "an apply of what nobody has": apply({ data: { c: base64("3") } }),
  "an apply without a manager": apply({ data: A }, ""),
  "an apply that is tried": apply({ data: { c: base64("3") } }, "?fieldManager=me&dryRun=All"),
  "an apply of another name": apply({ metadata: { name: "other" } }),
  "an apply with managers": apply({ metadata: { managedFields: [{}] } }),
  "an apply of what is not there": (target) => ({
    ...apply({ data: A })({ ...target, name: "new" }),
    path: `${target.all}/new?fieldManager=me`,
  }),
  "an apply of what is not there, by its version": (target) => ({
    ...apply({ metadata: { name: "new", resourceVersion: "1" }, data: A })(target),
    path: `${target.all}/new?fieldManager=me`,
  }),
  "a patch of what is not there": (target) => ({ ...merge({ data: A })(target), path: `${target.all}/none` }),
  "an update of no version": put(({ object }) => ({
    metadata: { ...object.metadata, resourceVersion: undefined },
  })),
  "an update of what is not there": (target) => ({
    ...put(({ object }) => ({ metadata: { ...object.metadata, name: "none" } }))(target),
    path: `${target.all}/none`,
  }),
};

/** Where a view is stricter, says more, or knows less, by design. */
const APART: Readonly<Record<string, readonly [(target: Target) => Call, core: number, view: number]>> = {
  "a create of what is not base64": [create({ data: { a: "%%%" } }), 400, 422],
  "a create of another kind": [create({ kind: "ConfigMap" }), 400, 422],
  "a strategic merge patch": [
    patch("application/strategic-merge-patch+json", { data: { a: null } }),
    200,
    415,
  ],
  "a deletion": [({ one }) => ({ method: "DELETE", path: one }), 200, 405],
  owners: [
    merge({ metadata: { ownerReferences: [{ apiVersion: "v1", kind: "ConfigMap", name: "x", uid: "y" }] } }),
    200,
    422,
  ],
};

describe("a write of a Secret and of its view", function () {
  this.timeout(60_000);
  let bed: Testbed;
  let person: Caller;

  before(async function () {
    this.timeout(1_200_000);
    bed = await startTestbed();
    for (const namespace of ["core", "view"]) await bed.must("human", ["create", "namespace", namespace]);
    person = await asUserOf(bed.kubeconfig("human"));
  });
  after(() => bed?.stop());

  const name = "there";
  const secretsIn = (side: keyof typeof SIDES) => `/api/v1/namespaces/${side}/secrets`;

  async function prepared(side: keyof typeof SIDES): Promise<Target> {
    await person({ method: "DELETE", path: secretsIn(side), body: {} });
    const body = { apiVersion: "v1", kind: "Secret", metadata: { name }, data: { ...A, b: base64("b") } };
    const { code, text } = await person({
      method: "POST",
      path: `${secretsIn(side)}?fieldManager=seed`,
      body,
    });
    if (code !== 201) throw new Error(text);
    const { root, plural, type } = SIDES[side];
    const all = `${root}/namespaces/${side}/${plural}`;
    const { managedFields: _, ...metadata } = JSON.parse(
      (await person({ path: `${all}/${name}` })).text,
    ).metadata;
    const object = { ...JSON.parse((await person({ path: `${all}/${name}` })).text), metadata };
    return { all, one: `${all}/${name}`, name, type, object };
  }

  /** What is there afterwards, without what is never the same. */
  async function left(side: keyof typeof SIDES): Promise<object[]> {
    const { text } = await person({ path: secretsIn(side) });
    const { items } = JSON.parse(text) as { items: { metadata: Record<string, unknown> }[] };
    return items.map(({ metadata, ...rest }) => ({
      ...rest,
      ...{ name: metadata["name"], labels: metadata["labels"], annotations: metadata["annotations"] },
      finalizers: metadata["finalizers"],
    }));
  }

  async function done(side: keyof typeof SIDES, call: (target: Target) => Call) {
    const { code, text } = await person(call(await prepared(side)));
    const said = text.startsWith("{")
      ? (JSON.parse(text) as { reason?: string; details?: { causes?: { field?: string }[] } })
      : {};
    const fields = said.details?.causes?.map(({ field }) => field).sort();
    const answer = { code, reason: said.reason, fields, left: await left(side) };
    for (const finalized of ["new", name])
      await person({
        method: "PATCH",
        path: `${secretsIn(side)}/${finalized}`,
        type: MERGE,
        body: { metadata: { finalizers: null } },
      });
    return answer;
  }

  for (const [what, call] of Object.entries(WRITES))
    it(`is answered alike, and leaves the same: ${what}`, async () => {
      expect(await done("view", call)).to.deep.equal(await done("core", call));
    });

  for (const [what, [call, core, view]] of Object.entries(APART))
    it(`is apart, on purpose: ${what}`, async () => {
      expect((await done("core", call)).code).to.equal(core);
      expect((await done("view", call)).code).to.equal(view);
    });
});
