/** Turns queries into the language of SQLite's full-text search (FTS5). Every word is quoted, and only has letters, digits and marks. */
import { hash } from "node:crypto";
import type { JsonObject } from "#core/admission.ts";
import { FACETS, facetValues, namespaceOf, usernameOf } from "#core/ledger/facets.ts";
import type { Query } from "#core/ledger/search.ts";
import type { Term } from "#core/ledger/words.ts";

/** A fact of every entry: FTS5 has no NOT without something before it. */
const EVERY = "every";

/** The words of an entry's column `facts`: what searches narrow by, one word each. */
export function factsOf(entry: JsonObject): string[] {
  return [
    EVERY,
    fact("username", usernameOf(entry)),
    fact("within", namespaceOf(entry) ?? ""),
    ...FACETS.flatMap((facet) => facetValues[facet](entry).map((value) => fact(facet, value))),
  ];
}

/** A hash, so that it is one word of the same length whatever the value holds. */
function fact(what: string, value: string): string {
  return hash("sha256", `${what}\n${value}`).slice(0, 20);
}

/** The expression for MATCH; undefined where the query narrows by nothing but time and place in the ledger. */
export function matchOf({ conditions, within, of, agent, terms }: Query): string | undefined {
  const one = (what: string, value: string) => `facts : "${fact(what, value)}"`;
  const wanted = [
    ...conditions.filter(({ is }) => is).map(({ facet, value }) => one(facet, value)),
    ...(agent === undefined ? [] : [one("username", agent)]),
    ...(within === undefined ? [] : [within.map((namespace) => one("within", namespace)).join(" OR ")]),
    ...(of === undefined ? [] : [of.map((index) => one("of", String(index))).join(" OR ")]),
    // Each only once, however often it is asked for.
    ...new Set(terms.map(termMatch)),
  ];
  const unwanted = conditions.filter(({ is }) => !is).map(({ facet, value }) => one(facet, value));
  if (unwanted.length === 0) return wanted.length === 0 ? undefined : all(wanted);
  return `(${all(wanted.length === 0 ? [`facts : "${EVERY}"`] : wanted)}) NOT (${unwanted.join(" OR ")})`;
}

function all(expressions: readonly string[]): string {
  return expressions.map((one) => `(${one})`).join(" AND ");
}

function termMatch({ words, prefix }: Term): string {
  return `{said beside} : "${words.join(" ")}"${prefix ? " *" : ""}`;
}
