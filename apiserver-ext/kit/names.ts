/** What names and labels may be, in the words of k8s.io/apimachinery. Each function gives what is wrong. */

const LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`;
const KEY = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
const VALUE = `(${KEY})?`;

const isLabel = new RegExp(`^${LABEL}$`);
const isSubdomain = new RegExp(`^${SUBDOMAIN}$`);
const isKey = new RegExp(`^${KEY}$`);
const isValue = new RegExp(`^${VALUE}$`);

const EMPTY = "must be non-empty";

/** Lengths count in bytes, although names are told that they are characters. */
function bytes(text: string): number {
  return Buffer.byteLength(text);
}

function tooLong(text: string, limit: number, unit: "bytes" | "characters"): string[] {
  return bytes(text) > limit ? [`must be no more than ${limit} ${unit}`] : [];
}

function pattern(sentence: string, expression: string, ...examples: readonly string[]): string {
  const quoted = examples.map((example) => `'${example}', `).join(" or ");
  return `${sentence} (e.g. ${quoted}regex used for validation is '${expression}')`;
}

const SUBDOMAIN_RULE = pattern(
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
  SUBDOMAIN,
  "example.com",
);
const LABEL_RULE = pattern(
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
  LABEL,
  ...["my-name", "123-abc"],
);
const KEY_RULE = pattern(
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  KEY,
  ...["MyName", "my.name", "123-abc"],
);
const VALUE_RULE = pattern(
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  VALUE,
  ...["MyValue", "my_value", "12345"],
);

export function subdomainErrors(name: string, unit: "bytes" | "characters" = "characters"): string[] {
  return [...tooLong(name, 253, unit), ...(isSubdomain.test(name) ? [] : [SUBDOMAIN_RULE])];
}

/** A name to which something is appended yet. */
export function subdomainPrefixErrors(prefix: string): string[] {
  return subdomainErrors(prefix.endsWith("-") && prefix.length > 1 ? `${prefix.slice(0, -2)}a` : prefix);
}

export function labelErrors(name: string): string[] {
  return [...tooLong(name, 63, "characters"), ...(isLabel.test(name) ? [] : [LABEL_RULE])];
}

/** The keys of labels and annotations, and finalizers. */
export function qualifiedNameErrors(text: string): string[] {
  const parts = text.split("/");
  if (parts.length > 2)
    return [
      `a valid label key ${KEY_RULE} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ];
  const name = parts.at(-1) ?? "";
  const length = name === "" ? [EMPTY] : tooLong(name, 63, "bytes");
  const nameErrors = [...length, ...(isKey.test(name) ? [] : [KEY_RULE])].map(
    (error) => `name part ${error}`,
  );
  if (parts.length === 1) return nameErrors;
  const [prefix = ""] = parts;
  const prefixErrors = prefix === "" ? [EMPTY] : subdomainErrors(prefix, "bytes");
  return [...prefixErrors.map((error) => `prefix part ${error}`), ...nameErrors];
}

export function labelValueErrors(value: string): string[] {
  return [...tooLong(value, 63, "bytes"), ...(isValue.test(value) ? [] : [VALUE_RULE])];
}

/** What could not stand in a path. */
export function pathSegmentErrors(name: string): string[] {
  if (name === "." || name === "..") return [`may not be '${name}'`];
  return ["/", "%"].filter((part) => name.includes(part)).map((part) => `may not contain '${part}'`);
}
