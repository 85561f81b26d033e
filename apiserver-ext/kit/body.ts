/** Request bodies: bytes within a limit, JSON or YAML, into plain data that is safe to walk. */
import { jsonType } from "./go-struct.ts";
import { type Reading, readJson } from "./json.ts";
import { isRecord } from "./record.ts";
import { type ApiRequest, header } from "./request.ts";
import { StatusError } from "./status.ts";
import { readYaml, YAML_LIMIT } from "./yaml.ts";

/** As kube-apiserver's limit. */
const BODY_LIMIT = 3 * 1024 * 1024;

/** @throws {StatusError} RequestEntityTooLarge. */
export async function readBody(request: ApiRequest): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > BODY_LIMIT) {
      throw tooLarge(BODY_LIMIT);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function tooLarge(limit: number): StatusError {
  return new StatusError("RequestEntityTooLarge", `Request entity too large: limit is ${limit}`);
}

/** The media type of the body in lower case, application/json where none is given. */
export function contentType(request: ApiRequest): string {
  const [type = ""] = header(request, "content-type").split(";");
  return type.trim().toLowerCase() || JSON_TYPE;
}

export const JSON_TYPE = "application/json";
export const YAML_TYPE = "application/yaml";

const READERS: Readonly<Record<string, (text: string) => Reading>> = {
  [JSON_TYPE]: readJson,
  [YAML_TYPE]: (text) => readYaml(text, BODY_LIMIT),
};

/** @throws {StatusError} UnsupportedMediaType, before anything is read. */
export function checkContentType(type: string): void {
  if (!Object.hasOwn(READERS, type)) throw unsupportedMediaType(Object.keys(READERS));
}

/** @throws {StatusError} UnsupportedMediaType or RequestEntityTooLarge; BadRequest for a body that is not taken, whatever it holds. */
export function readContent(type: string, text: string): Exclude<Reading, { outcome: "refused" }> {
  checkContentType(type);
  if (type === YAML_TYPE && Buffer.byteLength(text) > YAML_LIMIT) throw tooLarge(YAML_LIMIT);
  const reading = READERS[type]?.(text) ?? readJson(text);
  if (reading.outcome === "refused") throw refusedBody(reading.why);
  return reading;
}

export function refusedBody(why: string): StatusError {
  return new StatusError("BadRequest", `the body of the request ${why}`);
}

export function unsupportedMediaType(accepted: readonly string[]): StatusError {
  const types = accepted.join(", ");
  return new StatusError(
    "UnsupportedMediaType",
    `the body of the request was in an unknown format - accepted media types include: ${types}`,
  );
}

/** What kept the kind and version of a body from being read, in kube-apiserver's words. */
export function unreadable(type: string, why: string): string {
  return type === YAML_TYPE ? why : `couldn't get version/kind; json parse error: ${why}`;
}

const TYPE_META =
  'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';

/** Why the body is no object with a kind and version that are text; undefined: it is one. */
export function typeMetaFault(value: unknown): string | undefined {
  if (value === null) return undefined;
  if (!isRecord(value)) return `json: cannot unmarshal ${jsonType(value)} into Go value of type ${TYPE_META}`;
  const wrong = ["apiVersion", "kind"].find((key) => typeof (value[key] ?? "") !== "string");
  return (
    wrong && `json: cannot unmarshal ${jsonType(value[wrong])} into Go struct field .${wrong} of type string`
  );
}

/** @throws {StatusError} UnsupportedMediaType or BadRequest. */
export function decodeOptions(type: string, text: string): Record<string, unknown> {
  const reading = readContent(type, text);
  const fault = reading.outcome === "malformed" ? reading.why : typeMetaFault(reading.value);
  if (fault !== undefined) {
    const isYaml = reading.outcome === "malformed" && type === YAML_TYPE;
    throw new StatusError("BadRequest", unreadable(isYaml ? type : JSON_TYPE, fault));
  }
  return reading.outcome === "read" && isRecord(reading.value) ? reading.value : {};
}
