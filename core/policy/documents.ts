/** YAML files of policy authors: their documents, what is wrong with them, and where. */
import type { TSchema } from "typebox";
import { Value } from "typebox/value";
import { isNode, isScalar, LineCounter, type Document as Parsed, parseAllDocuments } from "yaml";
import { ExactNumber, isObject, type Json, type JsonObject, text } from "../admission.ts";
import { kubectlTags, leftOutIn, misreadIn } from "./kubectl-yaml.ts";

export type Path = readonly (string | number)[];

/** `document` counts from 1, and so do `line` and `column`. */
export interface SourceProblem {
  source: string;
  document: number;
  line: number;
  column: number;
  message: string;
}

export interface SourceDocument {
  source: string;
  document: number;
  apiVersion: string;
  kind: string;
  value: JsonObject;
  /** A problem at this place, or at the nearest that is there; `within`: line and column of the text that stands there. */
  problem(path: Path, message: string, within?: { line: number; column: number }): SourceProblem;
}

/** `tests/prod.yaml:12:3: cases[0].name: …`; with the document where there are several. */
export function problemLine({ source, line, column, message }: SourceProblem): string {
  return `${source}:${line}:${column}: ${message}`;
}

const [MIN_SAFE, MAX_SAFE] = [BigInt(Number.MIN_SAFE_INTEGER), BigInt(Number.MAX_SAFE_INTEGER)];

/** The documents of a YAML or JSON text that hold anything, as kubectl reads them. Integers keep every digit. */
export function documentsIn(
  yaml: string,
  source: string,
): { documents: SourceDocument[]; problems: SourceProblem[] } {
  const lines = new LineCounter();
  const parsed = parseAllDocuments(yaml, {
    lineCounter: lines,
    intAsBigInt: true,
    merge: true,
    prettyErrors: false,
    customTags: kubectlTags,
  });
  const documents: SourceDocument[] = [];
  const problems: SourceProblem[] = [];
  const at = (document: number, offset: number, message: string): SourceProblem => {
    const { line, col } = lines.linePos(offset);
    return { source, document, line: Math.max(line, 1), column: Math.max(col, 1), message };
  };
  for (const { offset, message } of leftOutIn(yaml)) problems.push(at(1, offset, message));
  for (const [index, one] of [...parsed].entries()) {
    const document = index + 1;
    for (const { offset, message } of misreadIn(one)) problems.push(at(document, offset, message));
    const [error] = one.errors;
    if (error !== undefined) {
      problems.push(at(document, error.pos[0], error.message));
      continue;
    }
    const read = jsonOf(one);
    if ("why" in read) problems.push(at(document, startOf(one, []), read.why));
    else if (!isObject(read.value)) {
      if (read.value !== null) problems.push(at(document, startOf(one, []), "not an object"));
    } else
      documents.push({
        source,
        document,
        apiVersion: text(read.value, "apiVersion"),
        kind: text(read.value, "kind"),
        value: read.value,
        problem: (path, message, within) => {
          const start = startOf(one, path);
          const inside = within === undefined ? start : insideOf(one.getIn(path, true), start, within, yaml);
          const where = inside === undefined ? ` (line ${within?.line}, column ${within?.column} of it)` : "";
          return at(document, inside ?? start, `${shownPath(path)}${message}${where}`);
        },
      });
  }
  return { documents, problems };
}

/** Aliases may be too many to resolve. */
function jsonOf(document: Parsed): { value: Json } | { why: string } {
  try {
    return { value: exact(document.toJS()) };
  } catch (error) {
    return { why: error instanceof Error ? error.message : "cannot be read" };
  }
}

/** The parsing edge: YAML knows dates, bigints and keys of every kind, JSON does not. */
function exact(value: unknown): Json {
  if (typeof value === "bigint")
    return value >= MIN_SAFE && value <= MAX_SAFE ? Number(value) : new ExactNumber(String(value));
  // That it is no number of JSON's is told.
  if (typeof value === "number" && !Number.isFinite(value)) return null;
  if (Array.isArray(value)) return value.map(exact);
  if (typeof value !== "object" || value === null) return (value ?? null) as Json;
  const entries = value instanceof Map ? [...value] : Object.entries(value);
  return Object.fromEntries(entries.map(([name, member]) => [String(name), exact(member)]));
}

/** Where the value at this path begins, or that of the longest part of the path that is there. */
function startOf(document: Parsed, path: Path): number {
  for (let length = path.length; length >= 0; length--) {
    const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return 0;
}

/** A place in a text; undefined where its lines are folded or escaped, so that it cannot be told. */
function insideOf(
  node: unknown,
  start: number,
  { line, column }: { line: number; column: number },
  yaml: string,
): number | undefined {
  if (!isScalar(node)) return start;
  const { type, source = "" } = node;
  if (type === "BLOCK_LITERAL") {
    const lines = yaml.slice(start).split("\n");
    const above = lines.slice(0, line).reduce((length, one) => length + one.length + 1, 0);
    const indents = lines.slice(1).filter((one) => one.trim() !== "");
    return start + above + (indents[0]?.search(/\S/) ?? 0) + column - 1;
  }
  const isOneLine = type !== "BLOCK_FOLDED" && !source.includes("\n") && line === 1;
  return isOneLine && !source.includes("\\") ? start + column - (type === "PLAIN" ? 1 : 0) : undefined;
}

/** `spec.rules[2].when`, and `metadata.annotations[hoop.dev/deny]`, as a path. */
export function pathOf(text: string): Path {
  return [...text.matchAll(/\[([^\]]*)\]|([^.[\]]+)/g)].map(([, key, name]) =>
    key === undefined ? (name ?? "") : /^\d+$/.test(key) ? Number(key) : key,
  );
}

/** `spec.rules[2].when: `, ready to stand before a message. */
function shownPath(path: Path): string {
  const shown = path.map((part) => (typeof part === "number" ? `[${part}]` : `.${part}`)).join("");
  return shown === "" ? "" : `${shown.replace(/^\./, "")}: `;
}

/** What of a document is not as its schema says, in words for whoever wrote it; each place once. */
export function schemaProblems(schema: TSchema, { value, problem }: SourceDocument): SourceProblem[] {
  if (Value.Check(schema, value)) return [];
  const errors = Value.Errors(schema, value);
  const places = Map.groupBy(
    // These two only say that something is wrong inside, or here.
    errors.filter(({ keyword }) => keyword !== "anyOf" && keyword !== "boolean"),
    ({ instancePath }) => instancePath,
  );
  return [...places].flatMap(([place, found]) => {
    const path = pathIn(place);
    return found
      .flatMap((error) => wordsFor(error, found))
      .map(({ at, message }) => problem(at === undefined ? path : [...path, at], message));
  });
}

type SchemaError = ReturnType<typeof Value.Errors>[number];

function wordsFor(error: SchemaError, all: readonly SchemaError[]): { at?: string; message: string }[] {
  switch (error.keyword) {
    case "additionalProperties":
      return error.params.additionalProperties.map((at) => ({ at, message: "there is no such field" }));
    case "required":
      return error.params.requiredProperties.map((at) => ({ at, message: "is missing" }));
    case "const": {
      const values = all.flatMap((other) => (other.keyword === "const" ? [other.params.allowedValue] : []));
      // One line for all the values that may stand here.
      return values[0] === error.params.allowedValue ? [{ message: `must be ${values.join(" or ")}` }] : [];
    }
    default:
      return [{ message: error.message }];
  }
}

function pathIn(pointer: string): Path {
  const parts = pointer.split("/").slice(1);
  return parts.map((part) => {
    const name = part.replaceAll("~1", "/").replaceAll("~0", "~");
    return /^\d+$/.test(name) ? Number(name) : name;
  });
}
