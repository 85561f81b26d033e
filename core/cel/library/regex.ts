/** Kubernetes' regex library on RE2: linear in the text, whatever the pattern. */
import { RE2JS } from "re2js";
import { spend } from "../meter.ts";
import type { Library } from "../types/environment.ts";
import { Failure, type Value } from "../values/value.ts";

const KEPT = 256;
const LONGEST = 10_000;
/** Of what a pattern is compiled to, repetitions written out. Kubernetes takes larger ones, slowly. */
const LARGEST = 20_000;
const INVALID = new Failure("invalid regular expression");
const patterns = new Map<string, RE2JS>();

/** Functions whose second part is a pattern. */
export const REGEX_FUNCTIONS = new Set(["matches", "find", "findAll"]);

const PART = /\\.|\[(?:\\.|\[:\^?\w+:\]|[^\]\\])*\]|[()]|\{(\d+)(?:,(\d*))?\}|./gs;

/** About how large a pattern is with its repetitions written out. */
function sizeOf(text: string): number {
  const outer: number[] = [];
  let [total, last] = [0, 0];
  for (const [part, least, most] of text.matchAll(PART)) {
    if (part === "(") {
      outer.push(total);
      [total, last] = [0, 0];
    } else if (part === ")") {
      last = total + 1;
      total = (outer.pop() ?? 0) + last;
    } else if (least !== undefined) {
      const times = Math.max(Number(least), Number(most ?? 0), 1);
      total += last * (times - 1);
      last *= times;
    } else {
      last = 1;
      total++;
    }
  }
  return total;
}

/** The compiled pattern, kept by its text, or a Failure where RE2 does not take it. */
export function pattern(text: string): RE2JS | Failure {
  const known = patterns.get(text);
  if (known !== undefined) return known;
  if (text.length > LONGEST) return INVALID;
  const size = sizeOf(text);
  if (size > LARGEST) return INVALID;
  spend(100 + (text.length + size) * 10);
  try {
    const compiled = RE2JS.compile(text);
    if (patterns.size >= KEPT) patterns.delete(patterns.keys().next().value ?? "");
    patterns.set(text, compiled);
    return compiled;
  } catch {
    return INVALID;
  }
}

// RE2 takes time by the text times the size of the pattern.
const work = (text: string, compiled: RE2JS): void =>
  spend(10 + Math.ceil((text.length * compiled.programSize()) / 8));

function all(text: string, regex: string, limit: bigint): Value {
  const compiled = pattern(regex);
  if (compiled instanceof Failure) return compiled;
  const found: string[] = [];
  if (limit === 0n) return found;
  work(text, compiled);
  const matcher = compiled.matcher(text);
  let end = -1;
  while ((limit < 0n || found.length < limit) && matcher.find()) {
    // Each find may read the rest of the text again.
    spend(10 + ((text.length * compiled.programSize()) >> 8), 8);
    // As in Go, an empty match right after another is none.
    if (matcher.end() === matcher.start() && matcher.start() === end) continue;
    end = matcher.end();
    found.push(matcher.group() ?? "");
  }
  return found;
}

function first(text: string, regex: string): Value {
  const compiled = pattern(regex);
  if (compiled instanceof Failure) return compiled;
  work(text, compiled);
  const matcher = compiled.matcher(text);
  return matcher.find() ? (matcher.group() ?? "") : "";
}

function matches(text: string, regex: string): Value {
  const compiled = pattern(regex);
  return compiled instanceof Failure ? compiled : isFound(text, compiled);
}

function isFound(text: string, compiled: RE2JS): boolean {
  work(text, compiled);
  return compiled.test(text);
}

/** `matches` of a pattern that stays compiled. */
export function matcher(regex: string): (text: string) => Value {
  const compiled = pattern(regex);
  return compiled instanceof Failure ? () => compiled : (text) => isFound(text, compiled);
}

export const REGEX: Library = {
  "matches(string, string): bool": matches,
  "string.matches(string): bool": matches,
  "string.find(string): string": first,
  "string.findAll(string): list<string>": (text: string, regex: string) => all(text, regex, -1n),
  "string.findAll(string, int): list<string>": all,
};
