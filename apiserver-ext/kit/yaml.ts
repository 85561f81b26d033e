/** One YAML document as the JSON it stands for, with the same checks as `readJson`. */
import {
  type Document,
  isScalar,
  LineCounter,
  type Pair,
  parseDocument,
  type ScalarTag,
  type Tags,
  visit,
} from "yaml";
import {
  DEEPEST,
  hasPrototypeField,
  inexactInteger,
  outOfRange,
  PROTOTYPE,
  type Reading,
  TOO_DEEP,
} from "./json.ts";
import { child, item } from "./path.ts";
import { yamlBurden } from "./yaml-burden.ts";

export type YamlReading =
  | Exclude<Reading, { outcome: "read" }>
  /** `duplicates` are sentences about keys that were given more than once; the last one counts. */
  | { outcome: "read"; value: unknown; duplicates: readonly string[] };

const TRUE = new Set(["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"]);

/** Where YAML 1.1 reads more into a word than 1.2: clients send what kube-apiserver's parser takes. */
const OLDER_SCALARS: ScalarTag[] = [
  {
    tag: "tag:yaml.org,2002:bool",
    default: true,
    test: /^(?:y|Y|yes|Yes|YES|true|True|TRUE|on|On|ON|n|N|no|No|NO|false|False|FALSE|off|Off|OFF)$/,
    resolve: (text) => TRUE.has(text),
  },
  {
    tag: "tag:yaml.org,2002:int",
    default: true,
    test: /^[-+]?(?:0b[01_]+|0o?[0-7_]*[0-7]|[1-9][0-9_]*_[0-9_]*)$/,
    resolve: olderInteger,
  },
];

/** Binary, octal, and with underscores between the digits. */
function olderInteger(text: string): bigint {
  const digits = text.replace(/^[-+]/, "").replaceAll("_", "");
  const value = BigInt(/^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits);
  return text.startsWith("-") ? -value : value;
}

const PARSING = {
  intAsBigInt: true,
  uniqueKeys: false,
  stringKeys: true,
  merge: false,
  schema: "core",
  customTags: (tags: Tags) => [...OLDER_SCALARS, ...tags],
  logLevel: "error",
} as const;

/** Half a megabyte: what clients send in bulk is JSON, and the parser is slow. */
export const YAML_LIMIT = 512 * 1024;
/** As many duplicates are told, and no more. */
const MOST_DUPLICATES = 100;

/** `text` has no more than YAML_LIMIT bytes. Aliases cannot blow it up beyond `limit` bytes, written out. */
export function readYaml(text: string, limit: number): YamlReading {
  const why = yamlBurden(text);
  if (why !== undefined) return { outcome: "refused", why };
  const lines = new LineCounter();
  try {
    const document = parseDocument(text, { ...PARSING, lineCounter: lines });
    const [error] = document.errors;
    if (error) return unreadable(error.code, lines.linePos(error.pos[0]).line);
    const value = plain(document.toJS({ maxAliasCount: 100 }), "", 0, { left: limit });
    return { outcome: "read", value, duplicates: duplicateKeys(document, lines) };
  } catch (thrown) {
    if (thrown instanceof Refused) return { outcome: "refused", why: thrown.message };
    // The stack was not deep enough.
    if (thrown instanceof RangeError) return { outcome: "refused", why: TOO_DEEP };
    // The parser's own limit on aliases, or an alias without an anchor; its messages quote the body.
    return { outcome: "refused", why: "has aliases that cannot be written out" };
  }
}

function unreadable(code: string, line: number): YamlReading {
  if (code === "MULTIPLE_DOCS") return { outcome: "refused", why: "has more than one YAML document" };
  return { outcome: "malformed", why: `yaml: line ${line}: ${code.toLowerCase().replaceAll("_", " ")}` };
}

class Refused extends Error {}

/** What JSON would hold: numbers within range, keys as strings, no shared parts. */
function plain(value: unknown, path: string, depth: number, budget: { left: number }): unknown {
  if (depth > DEEPEST) throw new Refused(TOO_DEEP);
  budget.left -= typeof value === "string" ? value.length + 3 : 4;
  if (budget.left < 0) throw new Refused("is too large when its aliases are written out");
  if (typeof value === "bigint" || typeof value === "number") return number(value, path);
  if (Array.isArray(value)) return value.map((each, at) => plain(each, item(path, at), depth + 1, budget));
  if (typeof value !== "object" || value === null) return value;
  const result: Record<string, unknown> = {};
  for (const [key, each] of Object.entries(value)) {
    const at = child(path, key);
    if (key === PROTOTYPE) throw new Refused(hasPrototypeField(at));
    budget.left -= key.length;
    result[key] = plain(each, at, depth + 1, budget);
  }
  return result;
}

function number(value: bigint | number, path: string): number {
  const converted = Number(value);
  if (typeof value === "bigint" && !Number.isSafeInteger(converted)) throw new Refused(inexactInteger(path));
  if (!Number.isFinite(converted)) throw new Refused(outOfRange(path));
  return converted;
}

/** In the words of the parser that kube-apiserver uses. */
function duplicateKeys(document: Document, lines: LineCounter): string[] {
  const found: string[] = [];
  visit(document, {
    Map(_, map) {
      const seen = new Set<string>();
      for (const pair of map.items) {
        const key = isScalar(pair.key) ? String(pair.key.value) : String(pair.key);
        if (seen.has(key) && found.length < MOST_DUPLICATES)
          found.push(`line ${lineOf(pair, lines)}: key ${JSON.stringify(key)} already set in map`);
        seen.add(key);
      }
    },
  });
  return found;
}

function lineOf({ key }: Pair, lines: LineCounter): number {
  return lines.linePos(isScalar(key) ? (key.range?.[0] ?? 0) : 0).line;
}
