/** What an expression may name: variables, their fields, and functions. */
import type { Value } from "../values/value.ts";
import { type Signature, signature, type Type } from "./type.ts";

/** Never throws but where the budget is spent. Its arguments are of its parameters' types. */
export type Run = (...args: never[]) => Value;

export interface Overload extends Signature {
  readonly run: Run;
}

export interface Environment {
  readonly variables: ReadonlyMap<string, Type>;
  /** The fields of the struct types, by their names. */
  readonly structs: ReadonlyMap<string, ReadonlyMap<string, Type>>;
  readonly functions: ReadonlyMap<string, readonly Overload[]>;
}

/** Functions by their signatures. */
export type Library = Readonly<Record<string, Run>>;

/** Names that come before the dot of a function that is not called on a value. */
const NAMESPACES = new Set(["optional", "sets", "strings", "lists", "format", "ip"]);

/** The functions of several libraries by name, in the order they are tried. */
export function functionsOf(libraries: readonly Library[]): Map<string, Overload[]> {
  const all = new Map<string, Overload[]>();
  for (const [text, run] of libraries.flatMap((library) => Object.entries(library))) {
    const overload = { ...signature(text, NAMESPACES), run };
    const others = all.get(overload.name);
    if (others === undefined) all.set(overload.name, [overload]);
    else others.push(overload);
  }
  return all;
}
