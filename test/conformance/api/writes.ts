/** Requests that change something, or try to. */
import fc from "fast-check";
import { encoded, gadget, NAMES } from "./bodies.ts";
import { ACCEPTS, LABELS } from "./reads.ts";
import { EVERYWHERE, RESOURCE, type Step, step } from "./step.ts";

type Pair = readonly [string, string];

const WRITE_QUERIES: readonly Pair[][] = [
  [["fieldValidation", "Strict"]],
  [["fieldValidation", "Warn"]],
  [["fieldValidation", "Ignore"]],
  [["fieldValidation", "Odd"]],
  [["dryRun", "All"]],
  [["dryRun", "Odd"]],
  [
    ["dryRun", "All"],
    ["fieldValidation", "Strict"],
  ],
  [
    ["dryRun", "All"],
    ["dryRun", "All"],
  ],
  [["fieldManager", "somebody"]],
  [["fieldManager", "x".repeat(129)]],
  [["fieldManager", "odd\u0001"]],
  [["pretty", "true"]],
  [["odd", "x"]],
  [["force", "true"]],
  [["timeout", "5s"]],
];

const writeQuery = fc.oneof(
  { weight: 3, arbitrary: fc.constant<readonly Pair[]>([]) },
  { weight: 2, arbitrary: fc.constantFrom(...WRITE_QUERIES) },
);

/** Who says to be writing; of this managedFields are made. */
const agent = fc.oneof(
  { weight: 4, arbitrary: fc.constant({}) },
  {
    weight: 1,
    arbitrary: fc.constantFrom({ "user-agent": "second/2.0 (linux)" }, { "user-agent": "plain" }),
  },
);

/** What kube-apiserver carries out and then fails to answer would leave the two sides in different states. */
const WRITE_ACCEPTS = ACCEPTS.filter((accept) => !accept.includes("PartialObjectMetadataList"));

const accept = fc.oneof(
  { weight: 5, arbitrary: fc.constant({}) },
  { weight: 1, arbitrary: fc.constantFrom(...WRITE_ACCEPTS).map((wanted) => ({ accept: wanted })) },
);

interface Sent {
  query: readonly Pair[];
  headers: Record<string, string>;
}

const sent: fc.Arbitrary<Sent> = fc
  .tuple(writeQuery, agent, accept)
  .map(([query, who, wanted]) => ({ query, headers: { ...who, ...wanted } }));

function writing(method: string, path: string, { query, headers }: Sent, type: string, body: string): Step {
  const content: Record<string, string> = type === "" ? {} : { "content-type": type };
  return step(method, path, { query, headers: { ...headers, ...content }, body });
}

const create = fc
  .tuple(
    gadget().chain(({ value }) => encoded(value)),
    sent,
    fc.oneof(
      { weight: 12, arbitrary: fc.constant(RESOURCE) },
      {
        weight: 1,
        arbitrary: fc.constantFrom(
          EVERYWHERE,
          "/apis/{{group}}/v1/namespaces/missing/gadgets",
          "/apis/{{group}}/v1/namespaces/ending/gadgets",
        ),
      },
    ),
  )
  .map(([{ type, text }, how, path]) => writing("POST", path, how, type, text));

/** What a caller that has read the object sends back, with the version it saw, an older one, or none. */
const identity = fc.constantFrom(
  (name: string) => ({ resourceVersion: `{{rv ${name}}}` }),
  (name: string) => ({ resourceVersion: `{{rv ${name}}}`, uid: `{{uid ${name}}}` }),
  (name: string) => ({ resourceVersion: `{{rv ${name} 1}}` }),
  (name: string) => ({ resourceVersion: `{{rv ${name}}}`, uid: "6e9b8a0e-0000-4000-8000-00000000000f" }),
  () => ({}),
);

const update = fc
  .tuple(
    identity
      .chain((known) => gadget(known))
      .chain(({ name, value }) => fc.tuple(fc.constant(name), encoded(value))),
    sent,
    fc.constantFrom("", "", "", "/status"),
  )
  .map(([[name, { type, text }], how, subresource]) =>
    writing("PUT", `${RESOURCE}/${name}${subresource}`, how, type, text),
  );

const OPERATIONS: readonly object[] = [
  { op: "replace", path: "/spec/color", value: "green" },
  { op: "replace", path: "/spec/color", value: "pink" },
  { op: "add", path: "/spec/note", value: "added" },
  { op: "remove", path: "/spec/note" },
  { op: "add", path: "/metadata/labels", value: { tier: "back" } },
  { op: "add", path: "/metadata/labels/tier", value: "front" },
  { op: "test", path: "/spec/color", value: "red" },
  { op: "test", path: "/metadata/name", value: "a" },
  { op: "add", path: "/spec/tags", value: ["p"] },
  { op: "add", path: "/spec/tags/-", value: "q" },
  { op: "add", path: "/spec/tags/9", value: "q" },
  { op: "copy", from: "/spec/color", path: "/spec/note" },
  { op: "move", from: "/spec/note", path: "/spec/code" },
  { op: "remove", path: "/spec" },
  { op: "replace", path: "", value: { kind: "Gadget" } },
  { op: "replace", path: "/metadata/name", value: "other" },
  { op: "replace", path: "/metadata/uid", value: "6e9b8a0e-0000-4000-8000-00000000000f" },
  { op: "replace", path: "/kind", value: "Gizmo" },
  { op: "replace", path: "/apiVersion", value: "v2" },
  { op: "add", path: "/spec/odd", value: 1 },
  { op: "replace", path: "/metadata/finalizers", value: [] },
  { op: "add", path: "/metadata/finalizers", value: ["example.com/hold"] },
  { op: "replace", path: "/metadata/resourceVersion", value: "1" },
  { op: "add", path: "/status", value: { phase: "New" } },
  { op: "odd", path: "/x" },
  { op: "add" },
  { op: "add", path: "no slash", value: 1 },
];

const jsonPatch = fc
  .oneof(
    {
      weight: 8,
      arbitrary: fc.array(fc.constantFrom(...OPERATIONS), { maxLength: 2 }).map((ops) => JSON.stringify(ops)),
    },
    { weight: 1, arbitrary: fc.constantFrom("{}", "", "[", "null", '"x"', "[1]") },
  )
  .map((text) => ({ type: "application/json-patch+json", text }));

const MERGES: readonly unknown[] = [
  {},
  { spec: { color: "blue" } },
  { spec: { color: null } },
  { spec: { note: "merged" } },
  { spec: { note: null } },
  { spec: { size: 4, odd: 1 } },
  { spec: { limits: { low: 2 } } },
  { spec: { limits: null } },
  { spec: { parts: [{ name: "one" }] } },
  { spec: { tags: ["x", null] } },
  { spec: null },
  { status: { phase: "Done", observed: 1 } },
  { status: { phase: "Odd" } },
  { status: null },
  { metadata: { labels: { tier: "front", env: null } } },
  { metadata: { labels: null } },
  { metadata: { labels: { tier: 7 } } },
  { metadata: { annotations: { "example.com/x": "y" } } },
  { metadata: { finalizers: ["example.com/hold"] } },
  { metadata: { finalizers: null } },
  { metadata: { finalizers: [] } },
  { metadata: { name: "other" } },
  { metadata: { namespace: "elsewhere" } },
  { metadata: { uid: "6e9b8a0e-0000-4000-8000-00000000000f" } },
  { metadata: { resourceVersion: "1" } },
  { metadata: { resourceVersion: "{{rv a}}" } },
  { metadata: { generation: 40 } },
  { metadata: { creationTimestamp: null } },
  { metadata: { deletionTimestamp: "2001-02-03T04:05:06Z" } },
  { metadata: { managedFields: [{}] } },
  { metadata: { managedFields: [] } },
  { metadata: { ownerReferences: [{ kind: "X" }] } },
  { kind: "Gizmo" },
  { apiVersion: "v2" },
  { extra: 1 },
  [],
  7,
  null,
];

const mergePatch = fc
  .oneof(
    { weight: 8, arbitrary: fc.constantFrom(...MERGES).map((merge) => JSON.stringify(merge)) },
    {
      weight: 1,
      arbitrary: fc.constantFrom("{", "", '{"spec":{"note":"a","note":"b"}}', '{"spec":{"x":1,"x":2}}'),
    },
  )
  .map((text) => ({ type: "application/merge-patch+json", text }));

const oddPatch = fc
  .constantFrom(
    "application/strategic-merge-patch+json",
    "application/json",
    "text/plain",
    "",
    "application/merge-patch+json; charset=utf-8",
  )
  .map((type) => ({ type, text: '{"spec":{"color":"green"}}' }));

const patch = fc
  .tuple(
    fc.oneof(
      { weight: 6, arbitrary: mergePatch },
      { weight: 6, arbitrary: jsonPatch },
      { weight: 1, arbitrary: oddPatch },
    ),
    sent,
    fc.constantFrom<string>(...NAMES, ...NAMES, "missing"),
    fc.constantFrom("", "", "", "/status"),
  )
  .map(([{ type, text }, how, name, subresource]) =>
    writing("PATCH", `${RESOURCE}/${name}${subresource}`, how, type, text),
  );

const DELETE_OPTIONS: readonly (readonly [string, unknown])[] = [
  ["", undefined],
  ["", undefined],
  ["application/json", {}],
  ["application/json", { kind: "DeleteOptions", apiVersion: "v1" }],
  ["application/json", { kind: "DeleteOptions", apiVersion: "{{group}}/v1" }],
  ["application/json", { kind: "DeleteOptions", apiVersion: "meta.k8s.io/v1" }],
  ["application/json", { kind: "Odd", apiVersion: "v1" }],
  ["application/json", { propagationPolicy: "Background" }],
  ["application/json", { propagationPolicy: "Foreground" }],
  ["application/json", { propagationPolicy: "Orphan" }],
  ["application/json", { propagationPolicy: "Odd" }],
  ["application/json", { orphanDependents: true }],
  ["application/json", { orphanDependents: false }],
  ["application/json", { orphanDependents: true, propagationPolicy: "Orphan" }],
  ["application/json", { gracePeriodSeconds: 0 }],
  ["application/json", { gracePeriodSeconds: 30 }],
  ["application/json", { gracePeriodSeconds: -1 }],
  ["application/json", { preconditions: { uid: "6e9b8a0e-0000-4000-8000-00000000000f" } }],
  ["application/json", { preconditions: { uid: "{{uid a}}" } }],
  ["application/json", { preconditions: { resourceVersion: "{{rv a}}" } }],
  ["application/json", { preconditions: { resourceVersion: "1" } }],
  ["application/json", { dryRun: ["All"] }],
  ["application/json", { dryRun: ["Odd"] }],
  ["application/json", { odd: 1 }],
  ["application/json", "{"],
  ["application/yaml", "propagationPolicy: Background\n"],
  ["text/plain", "x"],
];

const DELETE_QUERIES: readonly Pair[][] = [
  [],
  [],
  [],
  [["propagationPolicy", "Background"]],
  [["propagationPolicy", "Foreground"]],
  [["propagationPolicy", "Odd"]],
  [["orphanDependents", "true"]],
  [["gracePeriodSeconds", "3"]],
  [["uid", "{{uid a}}"]],
  [["uid", "6e9b8a0e-0000-4000-8000-00000000000f"]],
  [["resourceVersion", "{{rv a}}"]],
  [["gracePeriodSeconds", "x"]],
  [["dryRun", "All"]],
  [["dryRun", "Odd"]],
  [["pretty", "true"]],
  [["odd", "x"]],
];

const deletion = fc.tuple(fc.constantFrom(...DELETE_OPTIONS), fc.constantFrom(...DELETE_QUERIES), accept);

function deleting(
  path: string,
  [type, options]: readonly [string, unknown],
  query: readonly Pair[],
  headers: object,
): Step {
  if (options === undefined) return step("DELETE", path, { query, headers: { ...headers } });
  const body = typeof options === "string" ? options : JSON.stringify(options);
  return step("DELETE", path, { query, headers: { ...headers, "content-type": type }, body });
}

const remove = fc
  .tuple(fc.constantFrom<string>(...NAMES, ...NAMES, "missing", "a/status"), deletion)
  .map(([name, [options, query, headers]]) => deleting(`${RESOURCE}/${name}`, options, query, headers));

const removeAll = fc
  .tuple(
    deletion,
    fc.oneof(
      { weight: 2, arbitrary: fc.constant<readonly Pair[]>([]) },
      {
        weight: 2,
        arbitrary: fc.constantFrom<Pair[]>(
          ...LABELS.slice(0, 4).map((selector): Pair[] => [["labelSelector", selector]]),
          [["fieldSelector", "spec.color=red"]],
          [["fieldSelector", "odd=red"]],
          [["labelSelector", "("]],
          [["limit", "1"]],
          [["resourceVersion", "0"]],
        ),
      },
    ),
  )
  .map(([[options, query, headers], selected]) =>
    deleting(RESOURCE, options, [...query, ...selected], headers),
  );

export const writes: fc.Arbitrary<Step> = fc.oneof(
  { weight: 10, arbitrary: create },
  { weight: 8, arbitrary: update },
  { weight: 8, arbitrary: patch },
  { weight: 5, arbitrary: remove },
  { weight: 1, arbitrary: removeAll },
);
