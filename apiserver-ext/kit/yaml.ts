/** One YAML document as the JSON it stands for, with the same checks as `readJson`. */
import { type Document, isScalar, LineCounter, type Pair, parseDocument, visit } from "yaml";
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

export type YamlReading =
  | Exclude<Reading, { outcome: "read" }>
  /** `duplicates` are sentences about keys that were given more than once; the last one counts. */
  | { outcome: "read"; value: unknown; duplicates: readonly string[] };

const PARSING = {
  intAsBigInt: true,
  uniqueKeys: false,
  stringKeys: true,
  merge: false,
  schema: "core",
  logLevel: "error",
} as const;

/** As many bytes, written out, as a body may have: aliases cannot blow a small one up. */
export function readYaml(text: string, limit: number): YamlReading {
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
        if (seen.has(key))
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
