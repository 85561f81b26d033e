/** What is answered from memory alone: discovery, OpenAPI, version. It is there while everything else is down. */
import { createHash } from "node:crypto";
import {
  apiGroup,
  apiGroupDiscoveryList,
  apiGroupList,
  apiResourceList,
  groupVersions,
} from "./discovery.ts";
import type { Answer } from "./encode.ts";
import { type Conversion, negotiate } from "./negotiate.ts";
import { openApiV2, openApiV3 } from "./openapi.ts";
import { type ApiRequest, header } from "./request.ts";
import type { RequestInfo } from "./request-info.ts";
import type { ServedResource } from "./served.ts";

/** What `/version` tells; `kubectl version` shows gitVersion. */
export interface VersionInfo {
  major: string;
  minor: string;
  gitVersion: string;
  gitCommit: string;
  gitTreeState: string;
  buildDate: string;
  goVersion: string;
  compiler: string;
  platform: string;
}

/** Undefined for paths that are no documents. */
export type Documents = (request: ApiRequest, info: RequestInfo) => Answer | undefined;

interface Document {
  text: string;
  hash: string;
}

export function documents(
  title: string,
  version: VersionInfo,
  resources: readonly ServedResource[],
): Documents {
  const served = groupVersions(resources);
  const info = { title, version: version.gitVersion };
  const v3 = served.map(
    ({ group, version, resources }) =>
      [`apis/${group}/${version}`, document(openApiV3(info, resources))] as const,
  );
  const plain = new Map<string, object>([
    ["/version", version],
    ...served.map(({ group }) => [`/apis/${group}`, apiGroup(served, group)] as const),
    ...served.map((each) => [`/apis/${each.group}/${each.version}`, apiResourceList(each)] as const),
  ]);
  const tagged = new Map<string, Document>([
    ["/openapi/v2", document(openApiV2(info, resources))],
    ["/openapi/v3", document(openApiPaths(v3))],
    ...v3.map(([path, found]) => [`/openapi/v3/${path}`, found] as const),
  ]);
  const groups = document(apiGroupList(served));
  const aggregated = new Map([
    ["v2", document(apiGroupDiscoveryList(served, "v2"))],
    ["v2beta1", document(apiGroupDiscoveryList(served, "v2beta1"))],
  ]);

  return (request, { path, query }) => {
    if (path === "/apis") return groupsAnswer(request, query, groups, aggregated);
    const body = plain.get(path);
    if (body) return { code: 200, body, media: negotiate(request, query, (wanted) => !wanted).media };
    const found = tagged.get(path);
    if (!found) return undefined;
    negotiate(request, query, () => true);
    return documentAnswer(request, found, hashHeaders(query, found));
  };
}

function document(value: object): Document {
  const text = JSON.stringify(value);
  return { text, hash: createHash("sha256").update(text).digest("hex").toUpperCase() };
}

function openApiPaths(found: readonly (readonly [path: string, document: Document])[]): object {
  const entries = found.map(([path, { hash }]) => [
    path,
    { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` },
  ]);
  return { paths: Object.fromEntries(entries) };
}

/** A document asked for by its right hash never changes. A wrong hash gets the present one: never a redirect. */
function hashHeaders(query: URLSearchParams, { hash }: Document): Record<string, string> {
  if (query.get("hash") !== hash) return {};
  const inAYear = new Date(Date.now() + 365 * 24 * 3_600_000);
  return { "Cache-Control": "public, immutable", Expires: inAYear.toUTCString() };
}

function documentAnswer(
  request: ApiRequest,
  { text, hash }: Document,
  headers: Readonly<Record<string, string>>,
  contentType = "application/json",
): Answer {
  const tagged = { ...headers, ETag: `"${hash}"`, Vary: "Accept" };
  const isKnown = header(request, "if-none-match")
    .split(",")
    .some((tag) => tag.trim() === tagged.ETag);
  if (isKnown) return { code: 304, body: undefined, headers: tagged };
  return { code: 200, body: text, headers: tagged, contentType };
}

const AGGREGATED = { group: "apidiscovery.k8s.io", kind: "APIGroupDiscoveryList" };

/** One list of everything where the client knows it, else the groups alone. The type tells which it is. */
function groupsAnswer(
  request: ApiRequest,
  query: URLSearchParams,
  groups: Document,
  aggregated: ReadonlyMap<string, Document>,
): Answer {
  const find = ({ group, version, kind }: Conversion): Document | undefined =>
    group === AGGREGATED.group && kind === AGGREGATED.kind ? aggregated.get(version) : undefined;
  const { conversion } = negotiate(request, query, (wanted) => !wanted || find(wanted) !== undefined);
  const found = conversion && find(conversion);
  if (!conversion || !found) return documentAnswer(request, groups, {});
  const type = `application/json;g=${conversion.group};v=${conversion.version};as=${conversion.kind}`;
  return documentAnswer(request, found, {}, type);
}
