/** The Accept header, as Kubernetes clients use it: media type plus the form (`as`, `g`, `v`) they want objects in. */
import { type ApiRequest, header } from "./request.ts";
import type { RequestInfo } from "./request-info.ts";
import { StatusError } from "./status.ts";

export interface Conversion {
  group: string;
  version: string;
  kind: string;
}

export type MetaVersion = "v1" | "v1beta1";

/** How the client wants objects. */
export type Form =
  | { as: "object" }
  | { as: "Table" | "PartialObjectMetadata" | "PartialObjectMetadataList"; version: MetaVersion };

/** How JSON is written: for programs, indented for people, or as YAML. */
export type Media = "json" | "pretty" | "yaml";

interface Clause {
  type: string;
  /** What the clause wants objects converted to, where it says so. */
  conversion: Conversion | undefined;
  pretty: boolean;
  /** The streaming schema that it wants, "" where it says nothing. */
  stream: string;
}

/** The clauses in the order of the client's preference; none where there is no header. */
export function acceptClauses(accept: string): Clause[] {
  const parsed = accept
    .split(",")
    .map((text) => text.split(";").map((part) => part.trim()))
    .map(([type = "", ...parameters]) => ({
      type: type.toLowerCase(),
      parameters: new Map(parameters.map(pair)),
    }))
    .filter(({ type }) => type !== "");
  const weight = ({ parameters }: { parameters: Map<string, string> }) =>
    Number(parameters.get("q") ?? "1") || 0;
  return parsed
    .toSorted((a, b) => weight(b) - weight(a) || wildcards(a.type) - wildcards(b.type))
    .map(({ type, parameters }) => ({
      type,
      conversion: conversionOf(parameters),
      pretty: parameters.get("pretty") === "1",
      stream: parameters.get("stream") ?? "",
    }));
}

function pair(parameter: string): [string, string] {
  const equals = parameter.indexOf("=");
  if (equals < 0) return [parameter, ""];
  return [
    parameter.slice(0, equals).trim(),
    parameter
      .slice(equals + 1)
      .trim()
      .replace(/^"(.*)"$/, "$1"),
  ];
}

function wildcards(type: string): number {
  return type.split("*").length - 1;
}

function conversionOf(parameters: Map<string, string>): Conversion | undefined {
  if (!["as", "g", "v"].some((name) => parameters.has(name))) return undefined;
  return {
    group: parameters.get("g") ?? "",
    version: parameters.get("v") ?? "",
    kind: parameters.get("as") ?? "",
  };
}

const JSON_TYPES = new Set(["application/json", "application/*", "*/*"]);
const YAML_TYPE = "application/yaml";

export interface Negotiated {
  conversion: Conversion | undefined;
  media: Media;
}

/**
 * The first clause that JSON or YAML answers and whose conversion is offered.
 * @throws {StatusError} NotAcceptable where there is none.
 */
export function negotiate(
  request: ApiRequest,
  query: URLSearchParams,
  offers: (conversion: Conversion | undefined) => boolean,
): Negotiated {
  const clause = clauseFor(request, offers);
  if (!clause) throw notAcceptable("application/json, application/yaml");
  return { conversion: clause.conversion, media: mediaOf(clause, request, query) };
}

/** How what is no object is written, such as an error. People read what no program has asked for in a way it could. */
export function plainMedia(request: ApiRequest): Media {
  const clause = clauseFor(request, (conversion) => conversion === undefined);
  const [, query = ""] = (request.url ?? "").split("?", 2);
  return clause ? mediaOf(clause, request, new URLSearchParams(query)) : "pretty";
}

export function notAcceptable(types: string): StatusError {
  return new StatusError("NotAcceptable", `only the following media types are accepted: ${types}`);
}

function clauseFor(
  request: ApiRequest,
  offers: (conversion: Conversion | undefined) => boolean,
): Clause | undefined {
  const accept = header(request, "accept");
  if (accept === "") return { type: "*/*", conversion: undefined, pretty: false, stream: "" };
  return acceptClauses(accept).find(({ type, conversion, stream }) => {
    const isAnswered = JSON_TYPES.has(type)
      ? ["", "watch"].includes(stream)
      : type === YAML_TYPE && stream === "";
    return isAnswered && offers(conversion);
  });
}

function mediaOf({ type, pretty }: Clause, request: ApiRequest, query: URLSearchParams): Media {
  if (type === YAML_TYPE) return "yaml";
  return pretty || wantsPretty(request, query) ? "pretty" : "json";
}

function wantsPretty(request: ApiRequest, query: URLSearchParams): boolean {
  const asked = query.get("pretty") ?? "";
  if (asked !== "") return ["1", "t", "true"].includes(asked.toLowerCase());
  return /^(?:curl|Wget|Mozilla\/5\.0)/.test(header(request, "user-agent"));
}

const META_VERSIONS: Readonly<Record<string, MetaVersion>> = { v1: "v1", v1beta1: "v1beta1" };

/** The form for objects, out of those that the endpoint can give. */
export function negotiateForm(
  request: ApiRequest,
  info: RequestInfo,
  offered: readonly Form["as"][],
): { form: Form; media: Media } {
  const { conversion, media } = negotiate(request, info.query, (wanted) => {
    const form = formOf(wanted);
    return form !== undefined && offered.includes(form.as);
  });
  return { form: formOf(conversion) ?? { as: "object" }, media };
}

function formOf(conversion: Conversion | undefined): Form | undefined {
  if (!conversion) return { as: "object" };
  const version = Object.hasOwn(META_VERSIONS, conversion.version)
    ? META_VERSIONS[conversion.version]
    : undefined;
  if (!version || conversion.group !== "meta.k8s.io") return undefined;
  switch (conversion.kind) {
    case "Table":
    case "PartialObjectMetadata":
    case "PartialObjectMetadataList":
      return { as: conversion.kind, version };
    default:
      return undefined;
  }
}
