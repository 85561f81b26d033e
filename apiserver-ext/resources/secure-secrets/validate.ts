/** What the schema cannot say of a Secret. Messages name keys and never what they hold. */
import type { Cause } from "#kit/status.ts";
import type { SecureSecret } from "./object.ts";

const KEY = /^[-._a-zA-Z0-9]{1,253}$/;
/** As Go reads bytes from JSON: line breaks are skipped. */
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const KEY_RULE =
  "Invalid value: a valid config key must consist of at most 253 alphanumeric characters, '-', '_' or '.'";

/** Keys that a Secret of the type must have. */
const REQUIRED: ReadonlyMap<string, readonly string[]> = new Map([
  ["kubernetes.io/dockercfg", [".dockercfg"]],
  ["kubernetes.io/dockerconfigjson", [".dockerconfigjson"]],
  ["kubernetes.io/ssh-auth", ["ssh-privatekey"]],
  ["kubernetes.io/tls", ["tls.crt", "tls.key"]],
]);

export function validate({
  type = "",
  data = {},
  stringData = {},
  metadata,
}: SecureSecret): Required<Cause>[] {
  const there = new Set([...Object.keys(data), ...Object.keys(stringData)]);
  const names = (["data", "stringData"] as const).flatMap((field) =>
    Object.keys(field === "data" ? data : stringData).map((key) => ({ field, key })),
  );
  return [
    ...names
      .filter(({ key }) => !KEY.test(key) || key === "." || key.startsWith(".."))
      .map(({ field, key }) => invalidValue(`${field}[${key}]`, KEY_RULE)),
    ...Object.entries(data)
      .filter(([, value]) => !BASE64.test(value.replace(/[\r\n]/g, "")))
      .map(([key]) => invalidValue(`data[${key}]`, "Invalid value: it is not base64")),
    ...(REQUIRED.get(type) ?? [])
      .filter((key) => !there.has(key))
      .map((key) => ({ reason: "FieldValueRequired", field: `data[${key}]`, message: "Required value" })),
    ...((metadata.ownerReferences ?? []).length > 0
      ? [forbidden("metadata.ownerReferences", "a SecureSecret has no owners; set those of the Secret")]
      : []),
  ];
}

export function validateUpdate({ type = "" }: SecureSecret, old: SecureSecret): Required<Cause>[] {
  return type === (old.type ?? "") ? [] : [invalidValue("type", "Invalid value: field is immutable")];
}

function invalidValue(field: string, message: string): Required<Cause> {
  return { reason: "FieldValueInvalid", field, message };
}

function forbidden(field: string, why: string): Required<Cause> {
  return { reason: "FieldValueForbidden", field, message: `Forbidden: ${why}` };
}
