/** What random steps come upon too rarely, or would take too long over. */
import { RESOURCE, type Step, step, withJson } from "./step.ts";

function gadget(metadata: object, spec: object = {}): object {
  return { apiVersion: "{{group}}/v1", kind: "Gadget", metadata, spec: { color: "red", ...spec } };
}

const A = withJson("POST", RESOURCE, gadget({ name: "a" }));
const FUTURE = "9007199254740000";
const MERGE = { headers: { "content-type": "application/merge-patch+json" } };
const JSON_PATCH = { headers: { "content-type": "application/json-patch+json" } };

export const SCENARIOS: Readonly<Record<string, readonly Step[]>> = {
  "a body of more than 3 MiB": [
    withJson("POST", RESOURCE, gadget({ name: "a", annotations: { big: "x".repeat(3 * 1024 * 1024) } })),
    step("GET", `${RESOURCE}/a`),
  ],
  "a patch of more than 10 000 operations": [
    A,
    step("PATCH", `${RESOURCE}/a`, {
      ...JSON_PATCH,
      body: JSON.stringify(
        Array.from({ length: 10_001 }, () => ({ op: "test", path: "/kind", value: "Gadget" })),
      ),
    }),
  ],
  "a patch whose copies grow without end": [
    A,
    step("PATCH", `${RESOURCE}/a`, {
      ...JSON_PATCH,
      body: JSON.stringify([
        { op: "add", path: "/spec/settings", value: { a: "x".repeat(1024 * 1024) } },
        ...Array.from({ length: 8 }, (_, i) => ({
          op: "copy",
          from: "/spec/settings/a",
          path: `/spec/settings/b${i}`,
        })),
      ]),
    }),
  ],
  "versions of the future": [
    A,
    step("GET", RESOURCE, { query: [["resourceVersion", FUTURE]] }),
    step("GET", `${RESOURCE}/a`, { query: [["resourceVersion", FUTURE]] }),
    step("GET", RESOURCE, {
      query: [
        ["resourceVersion", FUTURE],
        ["resourceVersionMatch", "Exact"],
      ],
    }),
  ],
  "long names, labels and annotations": [
    withJson("POST", RESOURCE, gadget({ generateName: "long-".repeat(20) })),
    withJson("POST", RESOURCE, gadget({ name: "n".repeat(253) })),
    withJson("POST", RESOURCE, gadget({ name: "n".repeat(254) })),
    withJson("POST", RESOURCE, gadget({ name: "a.b-c" })),
    withJson("POST", RESOURCE, gadget({ name: "a..b" })),
    withJson(
      "POST",
      RESOURCE,
      gadget({ name: "labels", labels: { ["k".repeat(64)]: "x", k: "v".repeat(64) } }),
    ),
    withJson("POST", RESOURCE, gadget({ name: "big", annotations: { big: "x".repeat(262_145) } })),
    withJson("POST", RESOURCE, gadget({ name: "fits", annotations: { big: "x".repeat(262_100) } })),
    step("GET", RESOURCE),
  ],
  "numbers at their ends": [
    withJson(
      "POST",
      RESOURCE,
      '{"apiVersion":"{{group}}/v1","kind":"Gadget","metadata":{"name":"b"},"spec":{"color":"red","size":1.0,"ratio":1e3}}',
    ),
    withJson(
      "POST",
      RESOURCE,
      '{"apiVersion":"{{group}}/v1","kind":"Gadget","metadata":{"name":"c"},"spec":{"color":"red","ratio":0.1e-9}}',
    ),
    step("GET", RESOURCE),
  ],
  "names of prototypes": [
    withJson(
      "POST",
      RESOURCE,
      '{"apiVersion":"{{group}}/v1","kind":"Gadget","metadata":{"name":"constructor","labels":{"constructor":"x"}},"spec":{"color":"red","settings":{"constructor":"y","toString":"z"},"hasOwnProperty":1}}',
    ),
    step("GET", `${RESOURCE}/constructor`),
    step("GET", RESOURCE, { query: [["labelSelector", "toString"]] }),
  ],
  "a watch that ends by itself": [
    A,
    step("GET", RESOURCE, {
      query: [
        ["watch", "true"],
        ["timeoutSeconds", "1"],
      ],
      watch: true,
    }),
  ],
  "an object on its way out": [
    withJson("POST", RESOURCE, gadget({ name: "a", finalizers: ["example.com/hold", "example.com/too"] })),
    step("DELETE", `${RESOURCE}/a`),
    step("DELETE", `${RESOURCE}/a`),
    step("PATCH", `${RESOURCE}/a`, {
      ...MERGE,
      body: '{"metadata":{"finalizers":["example.com/hold","example.com/new"]}}',
    }),
    step("PATCH", `${RESOURCE}/a`, { ...MERGE, body: '{"spec":{"color":"blue"}}' }),
    withJson("POST", RESOURCE, gadget({ name: "a" })),
    step("PATCH", `${RESOURCE}/a`, { ...MERGE, body: '{"metadata":{"finalizers":["example.com/too"]}}' }),
    step("PATCH", `${RESOURCE}/a`, {
      ...MERGE,
      body: '{"metadata":{"finalizers":[]}}',
      query: [["dryRun", "All"]],
    }),
    step("PATCH", `${RESOURCE}/a`, { ...MERGE, body: '{"metadata":{"finalizers":[]}}' }),
    step("GET", `${RESOURCE}/a`),
  ],
  "pages, while what is on them changes": [
    ...["a", "b", "c", "d"].map((name) => withJson("POST", RESOURCE, gadget({ name }))),
    step("GET", RESOURCE, { query: [["limit", "1"]] }),
    step("DELETE", `${RESOURCE}/b`),
    withJson("POST", RESOURCE, gadget({ name: "bb" })),
    step("PATCH", `${RESOURCE}/c`, { ...MERGE, body: '{"spec":{"color":"blue"}}' }),
    step("GET", RESOURCE, {
      query: [
        ["limit", "2"],
        ["continue", "{{continue}}"],
      ],
    }),
    step("GET", RESOURCE, {
      query: [
        ["limit", "2"],
        ["continue", "{{continue}}"],
      ],
    }),
    step("GET", RESOURCE, {
      query: [
        ["resourceVersion", "{{rv a}}"],
        ["resourceVersionMatch", "Exact"],
      ],
    }),
  ],
  "managers of fields, one after the other": [
    withJson("POST", RESOURCE, gadget({ name: "a", labels: { tier: "x" } }, { settings: { a: "1" } }), {
      query: [["fieldManager", "one"]],
    }),
    step("PATCH", `${RESOURCE}/a`, {
      ...MERGE,
      body: '{"spec":{"settings":{"a":"2","b":"1"}}}',
      query: [["fieldManager", "two"]],
    }),
    step("PATCH", `${RESOURCE}/a`, {
      ...MERGE,
      body: '{"spec":{"settings":{"b":null}},"metadata":{"labels":null}}',
      query: [["fieldManager", "three"]],
    }),
    step("PATCH", `${RESOURCE}/a/status`, {
      ...MERGE,
      body: '{"status":{"phase":"New"}}',
      query: [["fieldManager", "two"]],
    }),
    step("PATCH", `${RESOURCE}/a`, {
      ...MERGE,
      body: '{"spec":{"parts":[{"name":"x"}],"tags":["a"]}}',
      query: [["fieldManager", "one"]],
    }),
    step("PATCH", `${RESOURCE}/a`, { ...MERGE, body: '{"metadata":{"managedFields":[{}]}}' }),
    step("PATCH", `${RESOURCE}/a`, {
      ...MERGE,
      body: '{"spec":{"note":"n"}}',
      query: [["fieldManager", "four"]],
    }),
    step("GET", `${RESOURCE}/a`),
  ],
};
