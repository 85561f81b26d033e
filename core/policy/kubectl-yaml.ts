/**
 * YAML as kubectl reads it (sigs.k8s.io/yaml on go-yaml v2): plain words are what they are there, and what it reads
 * otherwise than YAML 1.2 says, or not at all, is told.
 */
import { type Document, isScalar, type Scalar, type ScalarTag, type Tags, visit } from "yaml";

const BOOL = "tag:yaml.org,2002:bool";
const INT = "tag:yaml.org,2002:int";
const FLOAT = "tag:yaml.org,2002:float";

const scalar = (tag: string, test: RegExp, resolve: (text: string) => unknown): ScalarTag => ({
  ...{ tag, test, default: true },
  resolve,
});

/** As Go's strconv.ParseInt does it: with or without `o`, a leading 0 is octal. */
function integer(text: string): bigint {
  const [, sign, digits = ""] = /^([-+]?)(.*)$/.exec(text.replaceAll("_", "")) ?? [];
  const value = BigInt(/^0[0-7]+$/.test(digits) ? `0o${digits}` : digits.toLowerCase());
  return sign === "-" ? -value : value;
}

/** The scalars of resolve.go there, in place of those of a schema. */
const SCALARS: readonly ScalarTag[] = [
  scalar(BOOL, /^(?:y|Y|yes|Yes|YES|true|True|TRUE|on|On|ON)$/, () => true),
  scalar(BOOL, /^(?:n|N|no|No|NO|false|False|FALSE|off|Off|OFF)$/, () => false),
  scalar(
    INT,
    /^[-+]?(?:0[xX]_*[0-9a-fA-F][0-9a-fA-F_]*|0[bB]_*[01][01_]*|0[oO]?_*[0-7][0-7_]*|[1-9][0-9_]*|0_*)$/,
    integer,
  ),
  scalar(FLOAT, /^[-+]?(?:\.[0-9]+|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?$/, (text) =>
    Number(text.replaceAll("_", "")),
  ),
  scalar(FLOAT, /^(?:[-+]?\.(?:inf|Inf|INF)|\.nan|\.NaN|\.NAN)$/, (text) =>
    /nan/i.test(text) ? Number.NaN : text.startsWith("-") ? -Infinity : Infinity,
  ),
];

const REPLACED = new Set([BOOL, INT, FLOAT]);

/** For `customTags` of the parser. */
export function kubectlTags(tags: Tags): Tags {
  const kept = tags.filter((one) => typeof one !== "object" || !REPLACED.has(one.tag));
  return [...kept, ...SCALARS];
}

export interface Misread {
  /** Where in the text, from 0. */
  offset: number;
  message: string;
}

/** What is wrong in a document for kubectl, though YAML 1.2 allows it. */
export function misreadIn(document: Document): Misread[] {
  const found: Misread[] = document.warnings.map(({ pos, message }) => ({ offset: pos[0], message }));
  visit(document, {
    Collection(_, node) {
      if (node.flow !== true) return;
      visit(node, { Scalar: (__, inner) => void found.push(...unquoted(inner)) });
      return visit.SKIP;
    },
    Value(_, node) {
      if (isScalar(node) && typeof node.value === "number" && !Number.isFinite(node.value))
        found.push({ offset: node.range?.[0] ?? 0, message: "is no number that JSON has" });
    },
  });
  return found;
}

function unquoted(node: Scalar): Misread[] {
  const at = node.type === "PLAIN" ? (node.source ?? "").indexOf("?") : -1;
  if (at === -1) return [];
  const message = "kubectl reads no ? in text without quotes inside { } or [ ]: put it in quotes";
  return [{ offset: (node.range?.[0] ?? 0) + at, message }];
}

/** A document that begins on the line of its `---` is one that kubectl leaves out. */
export function leftOutIn(yaml: string): Misread[] {
  const markers = [...yaml.matchAll(/^---[ \t]+(?=[^\s])/gm)];
  return markers.map(({ index }) => ({
    offset: index,
    message: "kubectl takes nothing but a line of --- for the beginning of a document",
  }));
}
