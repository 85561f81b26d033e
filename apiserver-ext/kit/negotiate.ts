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

interface Clause {
  type: string;
  /** What the clause wants objects converted to, where it says so. */
  conversion: Conversion | undefined;
  pretty: boolean;
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

export interface Negotiated {
  conversion: Conversion | undefined;
  pretty: boolean;
}

/**
 * The first clause that JSON answers and whose conversion is offered.
 * @throws {StatusError} NotAcceptable where there is none.
 */
export function negotiate(
  request: ApiRequest,
  query: URLSearchParams,
  offers: (conversion: Conversion | undefined) => boolean,
): Negotiated {
  const accept = header(request, "accept");
  const clause: Clause | undefined =
    accept === ""
      ? { type: "*/*", conversion: undefined, pretty: false }
      : acceptClauses(accept).find(({ type, conversion }) => JSON_TYPES.has(type) && offers(conversion));
  if (!clause) {
    throw new StatusError("NotAcceptable", "only the following media types are accepted: application/json");
  }
  return { conversion: clause.conversion, pretty: clause.pretty || wantsPretty(request, query) };
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
): { form: Form; pretty: boolean } {
  const { conversion, pretty } = negotiate(request, info.query, (wanted) => {
    const form = formOf(wanted);
    return form !== undefined && offered.includes(form.as);
  });
  return { form: formOf(conversion) ?? { as: "object" }, pretty };
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
