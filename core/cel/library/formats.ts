/** Kubernetes' named formats: `format.dns1123Label().validate(name)` is none, or a list of what is wrong. */
import { spend } from "../meter.ts";
import type { Library } from "../types/environment.ts";
import { Failure, Opaque, Optional } from "../values/value.ts";
import { pattern } from "./regex.ts";
import { isRequestUri } from "./url-text.ts";

const TYPE = "kubernetes.NamedFormat";

type Validate = (text: string) => string[];

class Format extends Opaque {
  readonly type = TYPE;
  readonly name: string;
  readonly validate: Validate;

  constructor(name: string, validate: Validate) {
    super();
    this.name = name;
    this.validate = validate;
  }

  override equals(other: Format): boolean {
    return this.name === other.name;
  }
}

function isLike(regex: string, text: string): boolean {
  spend(10 + text.length);
  const compiled = pattern(`^(?:${regex})$`);
  return !(compiled instanceof Failure) && compiled.matcher(text).find();
}

const utf8 = (text: string): number => new TextEncoder().encode(text).length;
const tooLong = (text: string, most: number): string[] =>
  text.length > most || utf8(text) > most ? [`must be no more than ${most} characters`] : [];

function unlike(what: string, regex: string, examples: readonly string[]): string {
  const quoted = examples.map((example) => `'${example}', `).join(" or ");
  return `${what} (e.g. ${quoted}regex used for validation is '${regex}')`;
}

const LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`;
const OLD_LABEL = "[a-z]([-a-z0-9]*[a-z0-9])?";
const KEY = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
const ALPHANUMERIC =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";

function label(text: string): string[] {
  const errors = tooLong(text, 63);
  if (isLike(LABEL, text)) return errors;
  if (isLike(SUBDOMAIN, text)) return [...errors, "must not contain dots"];
  const what =
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";
  return [...errors, unlike(what, LABEL, ["my-name", "123-abc"])];
}

function subdomain(text: string): string[] {
  const what =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
  const errors = tooLong(text, 253);
  return isLike(SUBDOMAIN, text) ? errors : [...errors, unlike(what, SUBDOMAIN, ["example.com"])];
}

function oldLabel(text: string): string[] {
  const what =
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character";
  const errors = tooLong(text, 63);
  return isLike(OLD_LABEL, text) ? errors : [...errors, unlike(what, OLD_LABEL, ["my-name", "abc-123"])];
}

function nameErrors(name: string): string[] {
  const size = name === "" ? ["must be non-empty"] : tooLong(name, 63);
  const shape = isLike(KEY, name) ? [] : [unlike(ALPHANUMERIC, KEY, ["MyName", "my.name", "123-abc"])];
  return [...size, ...shape].map((error) => `name part ${error}`);
}

function qualifiedName(text: string): string[] {
  const parts = text.split("/");
  const [first = "", second] = parts;
  if (second === undefined) return nameErrors(first);
  if (parts.length > 2)
    return [
      `a valid label key ${unlike(ALPHANUMERIC, KEY, ["MyName", "my.name", "123-abc"])} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ];
  const prefix = first === "" ? ["must be non-empty"] : subdomain(first);
  return [...prefix.map((error) => `prefix part ${error}`), ...nameErrors(second)];
}

function labelValue(text: string): string[] {
  const what = `a valid label must be an empty string or ${ALPHANUMERIC.replace("must consist", "consist")}`;
  const errors = tooLong(text, 63);
  return isLike(`(${KEY})?`, text)
    ? errors
    : [...errors, unlike(what, `(${KEY})?`, ["MyValue", "my_value", "12345"])];
}

/** What a name ends with is generated: a trailing dash may stand for it. */
const asPrefix =
  (validate: Validate): Validate =>
  (text) =>
    validate(text.length > 1 && text.endsWith("-") ? `${text.slice(0, -2)}a` : text);

function isDate(text: string): boolean {
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) return false;
  const [year = 0, month = 0, day = 0] = text.split("-").map(Number);
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}

function isDateTime(text: string): boolean {
  const [date = "", time = ""] = text.slice(0, 200).toLowerCase().split("t");
  const match = /^(\d\d):(\d\d):(\d\d)(?:.\d+)?(?:z|[+-]\d\d:\d\d)$/.exec(time);
  if (!isDate(date) || match === null) return false;
  return Number(match[1]) <= 23 && Number(match[2]) <= 59 && Number(match[3]) <= 59;
}

const test =
  (is: (text: string) => boolean, error: string): Validate =>
  (text) => {
    spend(10 + (text.length >> 2));
    return is(text) ? [] : [error];
  };

const UUID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;
const BASE_64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$/;

const FORMATS: ReadonlyMap<string, Format> = new Map(
  Object.entries({
    dns1123Label: label,
    dns1123Subdomain: subdomain,
    dns1035Label: oldLabel,
    qualifiedName,
    dns1123LabelPrefix: asPrefix(label),
    dns1123SubdomainPrefix: asPrefix(subdomain),
    dns1035LabelPrefix: asPrefix(oldLabel),
    labelValue,
    uri: test(isRequestUri, "not a URI"),
    uuid: test((text) => UUID.test(text), "does not match the UUID format"),
    byte: test((text) => BASE_64.test(text), "invalid base64"),
    date: test(isDate, "invalid date"),
    datetime: test(isDateTime, "invalid datetime"),
  }).map(([name, validate]) => [name, new Format(name, validate)]),
);

const constants: Library = Object.fromEntries(
  [...FORMATS].map(([name, format]) => [`format.${name}(): ${TYPE}`, () => format]),
);

function validated({ validate }: Format, text: string): Optional {
  const errors = validate(text);
  return errors.length === 0 ? Optional.NONE : new Optional(errors);
}

/** What is wrong with the name of a ServiceAccount or of a namespace. */
export const isSubdomain = (text: string): boolean => subdomain(text).length === 0;
export const isLabel = (text: string): boolean => label(text).length === 0;

export const FORMATTING: Library = {
  ...constants,
  [`format.named(string): optional<${TYPE}>`]: (name: string) => new Optional(FORMATS.get(name)),
  [`${TYPE}.validate(string): optional<list<string>>`]: validated,
};
