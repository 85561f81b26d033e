/** Kubernetes' regex library on RE2: linear in the text, whatever the pattern. */
import { RE2JS } from "re2js";
import { failure } from "./failure.ts";
import { spend } from "./meter.ts";

const KEPT = 256;
const LONGEST = 10_000;
const patterns = new Map<string, RE2JS>();

/** The compiled pattern, kept by its text. Throws where RE2 does not take it. */
export function pattern(text: string): RE2JS {
  const known = patterns.get(text);
  if (known !== undefined) return known;
  if (text.length > LONGEST) throw failure("pattern_too_long");
  spend(100 + text.length * 10);
  let compiled: RE2JS;
  try {
    compiled = RE2JS.compile(text);
  } catch {
    throw failure("invalid_pattern");
  }
  if (patterns.size >= KEPT) patterns.delete(patterns.keys().next().value ?? "");
  patterns.set(text, compiled);
  return compiled;
}

// RE2 takes time by the text times the size of the pattern.
const work = (text: string, regex: string): void => spend(10 + Math.ceil((text.length * regex.length) / 8));

function all(text: string, regex: string, limit: bigint): string[] {
  const found: string[] = [];
  if (limit === 0n) return found;
  work(text, regex);
  const matcher = pattern(regex).matcher(text);
  while ((limit < 0n || found.length < limit) && matcher.find()) {
    // Each find may read the rest of the text again.
    spend(10 + ((text.length * regex.length) >> 8), 8);
    found.push(matcher.group() ?? "");
  }
  return found;
}

function first(text: string, regex: string): string {
  work(text, regex);
  const matcher = pattern(regex).matcher(text);
  return matcher.find() ? (matcher.group() ?? "") : "";
}

function matches(text: string, regex: string): boolean {
  work(text, regex);
  return pattern(regex).matcher(text).find();
}

export const REGEX = {
  "string.hoop_matches(string): bool": matches,
  "hoop_matches(string, string): bool": matches,
  "string.find(string): string": first,
  "string.findAll(string): list<string>": (text: string, regex: string) => all(text, regex, -1n),
  "string.findAll(string, int): list<string>": all,
} as const;
