/** Where we differ from a CustomResourceDefinition on purpose, and how far. */
import type { Found } from "./run-steps.ts";
import { RESOURCE, type Step, step, withJson } from "./step.ts";

export interface Known {
  name: string;
  reason: string;
  /** A run that shows it; that it still does is part of the test. */
  example: readonly Step[];
  covers(found: Found): boolean;
}

/** Whether their text is ours and no more than this besides. */
function besides({ path, ours, theirs }: Found, more: string): boolean {
  return path === "body.message" && typeof theirs === "string" && ours === theirs.replace(more, "");
}

const SENT = { apiVersion: "{{group}}/v1", kind: "Gadget", metadata: { name: "a" }, spec: { color: "red" } };

export const KNOWN: readonly Known[] = [
  {
    name: "no protobuf",
    reason: "bodies and answers are JSON and YAML; clients that prefer protobuf name JSON as well",
    example: [step("GET", RESOURCE, { headers: { accept: "application/xml" } })],
    covers: (found) => besides(found, ", application/vnd.kubernetes.protobuf"),
  },
  {
    name: "no server-side apply",
    reason: "left out until fields are owned for real: wrong managedFields cannot be repaired later",
    example: [
      step("PATCH", `${RESOURCE}/a`, {
        headers: { "content-type": "application/apply-patch+yaml" },
        query: [["fieldManager", "me"]],
        body: JSON.stringify(SENT),
      }),
    ],
    covers: (found) =>
      found.step.headers["content-type"] === "application/apply-patch+yaml" ||
      besides(found, ", application/apply-patch+yaml"),
  },
  {
    name: "a Status where nothing is served",
    reason:
      "kube-apiserver answers some paths with the text of Go's router; a Status says the same to more clients",
    example: [step("GET", "/apis/{{group}}/v1/gizmos")],
    covers: ({ path, theirs, step: { path: asked } }) =>
      /\/gizmos|\/v2\/|\/v1\/gadgets\/a/.test(asked) &&
      (path === "headers.content-type" ||
        path === "headers.x-content-type-options" ||
        theirs === "404 page not found\n"),
  },
  {
    name: "no empty segments in paths",
    reason: "what is authorized must be what is served, so an ambiguous path is refused",
    example: [step("GET", `${RESOURCE}/a//odd`)],
    covers: ({ step: { path } }) => path.includes("//") || path.endsWith("a/") || path.includes("a//"),
  },
  {
    name: "no POST to a name",
    reason:
      "a CustomResourceDefinition creates by the body's name, whatever the path says; k8s.io/apiserver does not",
    example: [withJson("POST", `${RESOURCE}/b`, SENT)],
    covers: ({ step: { method, path } }) => method === "POST" && path === `${RESOURCE}/b`,
  },
  {
    name: "400 for a version that is no number",
    reason:
      "what the caller got wrong is no InternalError (500), as which kube-apiserver answers it to GET and watch",
    example: [step("GET", `${RESOURCE}/a`, { query: [["resourceVersion", "1.5"]] })],
    covers: ({ path, step: { query } }) =>
      query.some(([key, value]) => key === "resourceVersion" && /^(1\.5|x|-1)$/.test(value)) &&
      ["code", "body.code", "body.reason", "body.message"].includes(path),
  },
  {
    name: "a YAML parser's own words",
    reason: "which of the ways in which a text is no YAML is told first is the parser's business",
    example: [step("POST", RESOURCE, { headers: { "content-type": "application/yaml" }, body: "a: b: c" })],
    covers: ({ path, ours, theirs, step: { headers } }) =>
      path === "body.message" &&
      headers["content-type"] === "application/yaml" &&
      untilYaml(ours) === untilYaml(theirs),
  },
  {
    name: "an empty list is a list",
    reason:
      "where kube-apiserver answers `null` for no items, as it does for some versions, clients have to be careful",
    example: [],
    covers: ({ path, ours, theirs }) =>
      path === "body.items" && theirs === null && JSON.stringify(ours) === "[]",
  },
];

function untilYaml(message: unknown): string {
  return typeof message === "string" && message.includes("yaml: ") ? (message.split("yaml: ")[0] ?? "") : "";
}
