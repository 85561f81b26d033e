/** Where we differ from a CustomResourceDefinition on purpose, and how far. */
import type { Found, Judgement } from "./run-steps.ts";
import { RESOURCE, type Step, step, withJson } from "./step.ts";

export interface Known {
  name: string;
  reason: string;
  /** A run that shows it; that it still does is part of the test. */
  example: readonly Step[];
  covers(found: Found): boolean;
  /** The two sides cannot be compared from then on, so that a run ends there. */
  parts?: boolean;
}

/** Of the Status that is the answer, to a watch too. */
const MESSAGE = /^(body|frames\[0\])\.message$/;

/** Whether their text is ours and no more than this besides. */
function besides({ path, ours, theirs }: Found, more: RegExp): boolean {
  return (
    MESSAGE.test(path) && typeof theirs === "string" && theirs !== ours && ours === theirs.replace(more, "")
  );
}

const LIST_OF_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

const SENT = { apiVersion: "{{group}}/v1", kind: "Gadget", metadata: { name: "a" }, spec: { color: "red" } };

export const KNOWN: readonly Known[] = [
  {
    name: "no protobuf",
    reason: "bodies and answers are JSON and YAML; clients that prefer protobuf name JSON as well",
    example: [step("GET", RESOURCE, { headers: { accept: "application/xml" } })],
    covers: (found) => besides(found, /, application\/vnd.kubernetes.protobuf(;stream=watch)?/),
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
      besides(found, /, application\/apply-patch\+yaml/),
  },
  {
    name: "a Status where nothing is served",
    reason:
      "kube-apiserver answers some paths with the text of Go's router; a Status says the same to more clients",
    example: [step("GET", "/apis/{{group}}/v1/gizmos")],
    covers: ({ path, theirs, step: { path: asked } }) =>
      /\/gizmos|\/v2\/|\/v1\/gadgets(\/a)?$/.test(asked) &&
      (path === "layout" ||
        path === "headers.content-type" ||
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
      /^((body\.|frames\[0\]\.)?code|(body|frames\[0\])\.(reason|message))$/.test(path),
  },
  {
    name: "no list for what is none",
    reason:
      "kube-apiserver fails with an InternalError (500), or in the midst of a watch; it is Not Acceptable",
    example: [
      withJson("POST", RESOURCE, SENT),
      step("GET", `${RESOURCE}/a`, { headers: { accept: LIST_OF_METADATA } }),
      step("GET", RESOURCE, {
        headers: { accept: LIST_OF_METADATA },
        query: [["watch", "true"]],
        watch: true,
      }),
    ],
    covers: ({ step: { headers, path, watch } }) =>
      (headers["accept"] ?? "").includes("as=PartialObjectMetadataList") &&
      (watch === true || !/\/gadgets\/?$/.test(path)),
  },
  {
    name: "nothing below a subresource",
    reason:
      "a CustomResourceDefinition ignores what follows `status` in a path, or answers as if it were not there",
    example: [step("DELETE", `${RESOURCE}/a/status/more`)],
    covers: ({ step: { path } }) => path.endsWith("/status/more"),
  },
  {
    name: "errors do not repeat the object",
    reason: "the object as it would be after a patch may hold what a mask hides from the caller",
    example: [
      withJson("POST", RESOURCE, SENT),
      step("PATCH", `${RESOURCE}/a`, {
        headers: { "content-type": "application/merge-patch+json" },
        body: '{"metadata":{"labels":{"tier":7}}}',
      }),
    ],
    covers: ({ path, ours, theirs }) =>
      /^body\.(details\.causes\[0\]\.)?message$/.test(path) &&
      withoutObject(theirs) !== theirs &&
      withoutObject(theirs) === ours,
  },
  {
    name: "one document in a body of YAML",
    reason: "the first of several is not what the caller meant",
    example: [
      step("POST", RESOURCE, {
        headers: { "content-type": "application/yaml" },
        body: `${JSON.stringify(SENT)}\n---\n${JSON.stringify(SENT)}`,
      }),
    ],
    covers: ({ step: { headers, body = "" } }) =>
      (headers["content-type"] ?? "").includes("yaml") && body.includes("\n---\n"),
    parts: true,
  },
  {
    name: "a status written with a wrong spec keeps its managers",
    reason:
      "the spec is not looked at then, so what is wrong with it changes nothing; kube-apiserver forgets all managers",
    example: [
      withJson("POST", RESOURCE, SENT),
      withJson("PUT", `${RESOURCE}/a/status`, {
        ...SENT,
        metadata: { name: "a", resourceVersion: "{{rv a}}" },
        spec: { color: "red", note: 7 },
      }),
    ],
    covers: ({ path, theirs, step: { path: asked } }) =>
      asked.endsWith("/status") &&
      (/^body\.(rows\[0\]\.object\.)?metadata\.(resourceVersion|managedFields)$/.test(path) ||
        theirs === undefined),
    parts: true,
  },
  {
    name: "no version of what is only tried",
    reason: "a dry run of a creation repeats the version that a real one would be refused for",
    example: [
      withJson(
        "POST",
        RESOURCE,
        { ...SENT, metadata: { name: "a", resourceVersion: "1" } },
        { query: [["dryRun", "All"]] },
      ),
    ],
    covers: ({ path, ours, step: { method, query } }) =>
      path === "body.metadata.resourceVersion" &&
      ours === undefined &&
      method === "POST" &&
      query.some(([key, value]) => key === "dryRun" && value === "All"),
    // Not really, but one side has seen a version that the other has not.
    parts: true,
  },
  {
    name: "no integers beyond 2^53",
    reason: "JavaScript's numbers would round them, and what was rounded is not what the caller asked for",
    example: [
      withJson(
        "POST",
        RESOURCE,
        JSON.stringify(SENT).replace('"red"', '"red","limits":{"low":9007199254740993}'),
      ),
    ],
    covers: ({ step: { body = "" } }) => /\d{16}/.test(body),
    parts: true,
  },
  {
    name: "no field named __proto__",
    reason: "nothing good comes of one in JavaScript, and nobody needs it",
    example: [withJson("POST", RESOURCE, JSON.stringify(SENT).replace('"name"', '"__proto__":{},"name"'))],
    covers: ({ step: { body = "" } }) => body.includes('"__proto__"'),
    parts: true,
  },
  {
    name: "Vary, where it was compressed on the way",
    reason:
      "kube-apiserver asks what it hands on for gzip, of its own accord, and takes away nothing but that",
    example: [
      withJson("POST", RESOURCE, {
        ...SENT,
        metadata: { name: "a", annotations: { big: "x".repeat(200_000) } },
      }),
    ],
    covers: ({ path, ours, theirs }) =>
      path === "headers.vary" && ours === "Accept-Encoding" && theirs === undefined,
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
    example: [step("GET", RESOURCE, { headers: { accept: LIST_OF_METADATA } })],
    covers: ({ path, ours, theirs }) =>
      path === "body.items" && theirs === null && JSON.stringify(ours) === "[]",
  },
];

export function judge(found: Found): Judgement {
  const covering = KNOWN.filter(({ covers }) => covers(found));
  if (covering.length === 0) return "unexpected";
  return covering.some(({ parts }) => parts) ? "parted" : "known";
}

/** `Invalid value: "{…}": why` without the value. */
function withoutObject(message: unknown): unknown {
  return typeof message === "string"
    ? message.replace(/"(\{.*\}|\[.*\])": (?=json: |strict decoding error: |couldn't get version)/s, "")
    : message;
}

function untilYaml(message: unknown): string {
  return typeof message === "string" && message.includes("yaml: ") ? (message.split("yaml: ")[0] ?? "") : "";
}
