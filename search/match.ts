/** Queries in the language of FTS5. Every word stands in quotes and has nothing but letters, digits and marks. */
import { hash } from "node:crypto";
import type { JsonObject } from "#core/admission.ts";
import { FACETS, facetValues, namespaceOf, usernameOf } from "#core/ledger/facets.ts";
import type { Query } from "#core/ledger/search.ts";
import type { Term } from "#core/ledger/words.ts";

/** Stands in every entry. */
const EVERY = "every";

/** What stands in the column `facts` of an entry. */
export function factsOf(entry: JsonObject): string[] {
  return [
    EVERY,
    fact("username", usernameOf(entry)),
    fact("within", namespaceOf(entry) ?? ""),
    ...FACETS.flatMap((facet) => facetValues[facet](entry).map((value) => fact(facet, value))),
  ];
}

/** The same length for whatever value, and nothing in it that the tokenizer would look at. */
function fact(what: string, value: string): string {
  return hash("sha256", `${what}\n${value}`).slice(0, 20);
}

/** Undefined where only time and place narrow. */
export function matchOf({ conditions, within, of, agent, terms }: Query): string | undefined {
  const one = (what: string, value: string) => `facts : "${fact(what, value)}"`;
  const wanted = [
    ...conditions.filter(({ is }) => is).map(({ facet, value }) => one(facet, value)),
    ...(agent === undefined ? [] : [one("username", agent)]),
    ...(within === undefined ? [] : [within.map((namespace) => one("within", namespace)).join(" OR ")]),
    ...(of === undefined ? [] : [of.map((index) => one("of", String(index))).join(" OR ")]),
    // Whoever asks for one twice is not to have it looked for twice.
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
