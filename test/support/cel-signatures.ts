/** The functions of CEL's environment, written as the policy guide writes them. */
import type { Overload } from "#core/cel/types/environment.ts";
import type { Type } from "#core/cel/types/type.ts";

const NAMES: ReadonlyMap<string, string> = new Map([
  ["optional_type", "optional"],
  ["google.protobuf.Timestamp", "timestamp"],
  ["google.protobuf.Duration", "duration"],
]);

function written({ name, params }: Type): string {
  const last = NAMES.get(name) ?? name.slice(name.lastIndexOf(".") + 1);
  return params.length === 0 ? last : `${last}<${params.map(written).join(", ")}>`;
}

/** Lists of whatever has an order are one row. */
const ORDERED =
  /^list<(?:int|uint|double|bool|duration|timestamp|string|bytes)>\.(isSorted|sum|min|max|sort)\(\): (.*)$/;

function signatureOf({ name, isMember, params, result }: Overload): string {
  const [self, ...given] = isMember ? params.map(written) : [undefined, ...params.map(written)];
  const text = `${self === undefined ? "" : `${self}.`}${name}(${given.join(", ")}): ${written(result)}`;
  const [, ordered] = ORDERED.exec(text) ?? [];
  if (ordered === undefined) return text;
  return `list<T>.${ordered}(): ${{ isSorted: "bool", sort: "list<T>" }[ordered] ?? "T"}`;
}

/** `+` and the like, with their names within. */
const isOperator = (name: string): boolean => /^[@_!-]/.test(name);

/** By name; without operators. */
export function signatures(functions: ReadonlyMap<string, readonly Overload[]>): Map<string, string[]> {
  const all = [...functions].filter(([name]) => !isOperator(name));
  return new Map(all.map(([name, overloads]) => [name, [...new Set(overloads.map(signatureOf))]]));
}

/** As they are written in an expression. */
export function operators(functions: ReadonlyMap<string, readonly Overload[]>): string[] {
  const names = [...functions.keys()].filter((name) => isOperator(name) && name !== "@sortBy");
  const symbols: Readonly<Record<string, string>> = {
    "@in": "in",
    "_[_]": "[]",
    "_[?_]": "[?]",
    "_?_:_": "?:",
  };
  return [...new Set(names.map((name) => symbols[name] ?? name.replaceAll("_", "")))];
}
