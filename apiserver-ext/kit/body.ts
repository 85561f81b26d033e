/** Request bodies: bytes within a limit, JSON or YAML, into plain data that is safe to walk. */
import { parse } from "yaml";
import { type ApiRequest, header } from "./request.ts";
import { StatusError } from "./status.ts";

/** As kube-apiserver's limit. */
const LIMIT = 3 * 1024 * 1024;
const DEEPEST = 100;

/** @throws {StatusError} RequestEntityTooLarge. */
export async function readBody(request: ApiRequest): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > LIMIT) {
      throw new StatusError("RequestEntityTooLarge", `Request entity too large: limit is ${LIMIT}`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

const PARSERS: Readonly<Record<string, (text: string) => unknown>> = {
  "application/json": JSON.parse,
  "application/yaml": (text) => parse(text, { maxAliasCount: 100 }),
};

/** The media type of the body in lower case, application/json where none is given. */
export function contentType(request: ApiRequest): string {
  const [type = ""] = header(request, "content-type").split(";");
  return type.trim().toLowerCase() || "application/json";
}

/** @throws {StatusError} UnsupportedMediaType or BadRequest. */
export function decodeBody(type: string, text: string): unknown {
  const parser = Object.hasOwn(PARSERS, type) ? PARSERS[type] : undefined;
  if (!parser) throw unsupportedMediaType(Object.keys(PARSERS));
  return parseSafely(parser, text);
}

export function decodeJson(text: string): unknown {
  return parseSafely(JSON.parse, text);
}

export function unsupportedMediaType(accepted: readonly string[]): StatusError {
  const types = accepted.join(", ");
  return new StatusError(
    "UnsupportedMediaType",
    `the body of the request was in an unknown format - accepted media types include: ${types}`,
  );
}

function parseSafely(parser: (text: string) => unknown, text: string): unknown {
  let value: unknown;
  try {
    value = parser(text);
  } catch {
    // The parsers' messages quote the body.
    throw new StatusError("BadRequest", "the body of the request could not be parsed");
  }
  refuseHostile(value, 0);
  return value;
}

function refuseHostile(value: unknown, depth: number): void {
  if (typeof value !== "object" || value === null) return;
  if (depth > DEEPEST) throw new StatusError("BadRequest", "the body of the request is nested too deeply");
  if (Object.hasOwn(value, "__proto__")) {
    throw new StatusError("BadRequest", 'the body of the request has a field named "__proto__"');
  }
  for (const each of Object.values(value)) refuseHostile(each, depth + 1);
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
