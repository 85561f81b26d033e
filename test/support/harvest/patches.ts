/** Patches that would carry a value to where answers, errors or later reads show it. */
import type { Chance } from "../crash/chance.ts";
import type { Call } from "../raw.ts";
import { type Aim, pick } from "./aim.ts";
import { LAST_APPLIED } from "./seeds.ts";

const JSON_PATCH = "application/json-patch+json";
export const MERGE = "application/merge-patch+json";
const STRATEGIC = "application/strategic-merge-patch+json";
export const APPLY = "application/apply-patch+yaml";

const pointer = (part: string) => part.replaceAll("~", "~0").replaceAll("/", "~1");

/** Where values are. */
const sources = (key: string) => [
  `/data/${pointer(key)}`,
  `/data/${pointer(key)}`,
  "/data",
  "",
  `/metadata/annotations/${pointer(LAST_APPLIED)}`,
  "/metadata/annotations",
  "/metadata/managedFields",
  "/sizes",
  "/data/absent",
];

/** Where they would be seen, or would make an error that tells them. */
const TARGETS = [
  "/metadata/labels",
  "/metadata/labels/x",
  "/metadata/annotations",
  "/metadata/annotations/x",
  `/metadata/annotations/${pointer(LAST_APPLIED)}`,
  "/metadata/creationTimestamp",
  "/metadata/deletionTimestamp",
  "/metadata/deletionGracePeriodSeconds",
  "/metadata/finalizers",
  "/metadata/finalizers/-",
  "/metadata/ownerReferences",
  "/metadata/managedFields",
  "/metadata/name",
  "/metadata/namespace",
  "/metadata/generateName",
  "/metadata/generation",
  "/metadata/uid",
  "/metadata/resourceVersion",
  "/metadata/selfLink",
  "/metadata",
  "/type",
  "/immutable",
  "/apiVersion",
  "/kind",
  "/data/other",
  "/data",
  "/stringData",
  "/stringData/other",
  "/sizes/other",
  "/unknown",
  "",
];

function operation(chance: Chance, { key, guess, word }: Aim): object {
  const from = pick(chance, sources(key));
  const path = pick(chance, TARGETS);
  return pick<object>(chance, [
    { op: "copy", from, path },
    { op: "copy", from, path },
    { op: "move", from, path },
    { op: "test", path: from, value: guess },
    { op: "test", path: from, value: Buffer.from(guess).toString("base64") },
    { op: "test", path: from, value: { [key]: guess } },
    { op: "test", path: from, value: null },
    { op: "replace", path: from, value: word },
    { op: "remove", path: from },
    { op: "add", path, value: word },
    { op: "add", path: "/metadata/labels", value: {} },
    { op: "x", path: from },
  ]);
}

function jsonPatch(chance: Chance, aim: Aim): object | string {
  const operations = Array.from({ length: chance.between(1, 4) }, () => operation(chance, aim));
  const roomFirst = [{ op: "add", path: "/metadata/annotations", value: {} }, ...operations];
  return pick<object | string>(chance, [operations, operations, roomFirst, { op: "copy" }, "[{"]);
}

function merge(chance: Chance, { key, guess, word }: Aim): object | string {
  const base64 = Buffer.from(guess).toString("base64");
  return pick<object | string>(chance, [
    {},
    { data: { [key]: base64 } },
    { data: { [key]: guess } },
    { data: { [key]: null } },
    { data: null },
    { data: { other: base64 } },
    { data: base64 },
    { stringData: { [key]: guess } },
    { stringData: { [key]: 7 } },
    { type: word },
    { immutable: true },
    { immutable: false },
    { immutable: "x" },
    { metadata: { labels: { x: word } } },
    { metadata: { labels: { x: "not a label value!" } } },
    { metadata: { annotations: { [LAST_APPLIED]: null } } },
    { metadata: { finalizers: ["x"] } },
    { metadata: { finalizers: null } },
    { metadata: { ownerReferences: [{ apiVersion: "v1", kind: "Pod", name: "x", uid: "x" }] } },
    { metadata: { name: "x" } },
    { metadata: { uid: "x" } },
    { metadata: { resourceVersion: "1" } },
    { metadata: { creationTimestamp: "x" } },
    { metadata: { deletionTimestamp: "2020-01-01T00:00:00Z" } },
    { metadata: { managedFields: [{}] } },
    { metadata: null },
    { kind: "Pod" },
    `{"data": ${word}`,
  ]);
}

function strategic(chance: Chance, aim: Aim): object | string {
  const { key, guess } = aim;
  return pick<object | string>(chance, [
    merge(chance, aim),
    { data: { $patch: "replace", [key]: guess } },
    { data: { $retainKeys: [key] } },
    { metadata: { $patch: "delete" } },
    { metadata: { "$deleteFromPrimitiveList/finalizers": ["example.com/wait"] } },
    { metadata: { "$setElementOrder/finalizers": ["a"], finalizers: ["b"] } },
    { metadata: { ownerReferences: [{ $patch: "merge", uid: "x" }] } },
  ]);
}

function apply(chance: Chance, { api, name, namespace, key, guess, word }: Aim): object | string {
  const base64 = Buffer.from(guess).toString("base64");
  const object = { apiVersion: api.apiVersion, kind: api.kind, metadata: { name, namespace } };
  return pick<object | string>(chance, [
    object,
    { ...object, data: { [key]: base64 } },
    { ...object, data: { [key]: guess } },
    { ...object, data: { [key]: null } },
    { ...object, stringData: { [key]: guess } },
    { ...object, metadata: { name: "x" } },
    { ...object, metadata: { name, namespace, managedFields: [{}] } },
    { ...object, metadata: { name, namespace, uid: "x", resourceVersion: "1" } },
    { ...object, type: "kubernetes.io/tls" },
    { ...object, immutable: true },
    { ...object, kind: "ConfigMap" },
    { ...object, unknown: word },
    `apiVersion: ${api.apiVersion}\nkind: ${api.kind}\ndata:\n  ${key}: !!binary ${base64}\n  - x`,
    `&a {data: *a}`,
  ]);
}

const KINDS: readonly (readonly [type: string, make: (chance: Chance, aim: Aim) => object | string])[] = [
  ...Array.from({ length: 4 }, () => [JSON_PATCH, jsonPatch] as const),
  ...Array.from({ length: 2 }, () => [MERGE, merge] as const),
  ...Array.from({ length: 2 }, () => [APPLY, apply] as const),
  [MERGE, merge],
  [STRATEGIC, strategic],
  [APPLY, apply],
  ["application/apply-patch+cbor", apply],
  ["application/json", merge],
];

export function patch(chance: Chance, aim: Aim): Pick<Call, "method" | "type"> & { body: object | string } {
  const [type, make] = pick(chance, KINDS);
  return { method: "PATCH", type, body: make(chance, aim) };
}
