/** Fields that break a rule, worded as the field errors of k8s.io/apimachinery are. */
import { goJson, goQuote } from "./go-quote.ts";
import type { Cause } from "./status.ts";

export interface FieldError {
  reason: keyof typeof TITLES;
  /** `spec.rules[0].name`. */
  field: string;
  /** What was found; left out where the message does not show it. */
  value?: unknown;
  /** "" where there is nothing to add. */
  detail: string;
}

const TITLES = {
  FieldValueInvalid: "Invalid value",
  FieldValueTypeInvalid: "Invalid value",
  FieldValueRequired: "Required value",
  FieldValueDuplicate: "Duplicate value",
  FieldValueNotSupported: "Unsupported value",
  FieldValueForbidden: "Forbidden",
  FieldValueTooLong: "Too long",
  FieldValueTooMany: "Too many",
} as const;

export function invalidValue(field: string, value: unknown, detail: string): FieldError {
  return { reason: "FieldValueInvalid", field, value, detail };
}

export function required(field: string, detail = ""): FieldError {
  return { reason: "FieldValueRequired", field, detail };
}

export function forbidden(field: string, detail: string): FieldError {
  return { reason: "FieldValueForbidden", field, detail };
}

export function duplicate(field: string, value: unknown): FieldError {
  return { reason: "FieldValueDuplicate", field, value, detail: "" };
}

export function notSupported(field: string, value: unknown, supported: readonly string[]): FieldError {
  const detail = `supported values: ${supported.map(goQuote).join(", ")}`;
  return { reason: "FieldValueNotSupported", field, value, detail };
}

export function tooLong(field: string, limit: number): FieldError {
  return {
    reason: "FieldValueTooLong",
    field,
    detail: `may not be more than ${limit} ${limit === 1 ? "byte" : "bytes"}`,
  };
}

export function tooMany(field: string, found: number, limit: number): FieldError {
  const detail = `must have at most ${limit} ${limit === 1 ? "item" : "items"}`;
  return { reason: "FieldValueTooMany", field, value: found, detail };
}

/** Characters of messages in all. One may show a whole list, and come once for each of its items. */
const MOST_TEXT = 64 * 1024;

/** With `secret`, values are not repeated. What is too much to tell is counted. */
export function causes(errors: readonly FieldError[], secret = false): Required<Cause>[] {
  const told: Required<Cause>[] = [];
  let room = MOST_TEXT;
  for (const error of errors) {
    if (room <= 0) {
      const message = `Invalid value: and ${errors.length - told.length} more`;
      return [...told, { reason: "FieldValueInvalid", message, field: "<omitted>" }];
    }
    const cause = causeOf(error, secret);
    room -= cause.message.length + cause.field.length;
    told.push(cause);
  }
  return told;
}

function causeOf(error: FieldError, secret: boolean): Required<Cause> {
  const shown = "value" in error && !secret ? [shownValue(error.value)] : [];
  const detail = error.detail === "" ? [] : [error.detail];
  const message = [TITLES[error.reason], ...shown, ...detail].join(": ");
  return { reason: error.reason, message, field: error.field };
}

function shownValue(value: unknown): string {
  if (typeof value === "number") return goNumber(value);
  return typeof value === "string" ? goQuote(value) : goJson(value ?? null);
}

/** Go prints integers in full and turns to exponents early for everything else. */
export function goNumber(value: number): string {
  const exponent = value === 0 ? 0 : Math.floor(Math.log10(Math.abs(value)));
  if (Number.isSafeInteger(value) || (exponent >= -4 && exponent < 21)) return String(value);
  const [digits = "", power = ""] = value.toExponential().split("e");
  return `${digits}e${power.replace(/^([+-])(\d)$/, "$10$2")}`;
}
