/** What types do not tell, and Kubernetes refuses all the same: members of unlike types, formats that do not fit. */
import { checkFormat } from "../library/format-check.ts";
import { pattern } from "../library/regex.ts";
import { Refusal } from "../syntax/refusal.ts";
import { children, type Node } from "../syntax/tree.ts";
import { Failure } from "../values/value.ts";
import type { Checked } from "./check.ts";
import { DYN, shown, type Type } from "./type.ts";
import { same } from "./unify.ts";

function memberType(checked: Checked, value: Node, isOptional: boolean): Type {
  const type = checked.typeOf(value);
  if (!isOptional) return type;
  const [member] = type.params;
  // Kubernetes cannot tell either, and panics.
  if (member === undefined) throw new Refusal("expected an optional value", value.at);
  return member;
}

function alike(types: readonly (readonly [Type, Node])[]): void {
  const [first] = types[0] ?? [DYN];
  for (const [type, node] of types)
    if (!same(first, type, false))
      throw new Refusal(`expected type ${shown(first)}, found ${shown(type)}`, node.at);
}

function homogeneous(node: Node, checked: Checked): void {
  if (node.kind === "list")
    alike(node.items.map(({ value, isOptional }) => [memberType(checked, value, isOptional), value]));
  if (node.kind !== "map") return;
  alike(node.entries.map(({ key }) => [checked.typeOf(key), key]));
  alike(node.entries.map(({ value, isOptional }) => [memberType(checked, value, isOptional), value]));
}

function patterns(node: Node): void {
  if (node.kind !== "call" || node.name !== "matches") return;
  const [first] = node.args;
  if (first?.kind !== "literal" || typeof first.value !== "string") return;
  if (pattern(first.value) instanceof Failure) throw new Refusal("invalid regular expression", first.at);
}

/** Throws a Refusal. `isExempt` within the arguments of format(). */
export function validate(root: Node, checked: Checked): void {
  const rest: [Node, boolean][] = [[root, false]];
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    const [node, isExempt] = next;
    if (!isExempt) homogeneous(node, checked);
    patterns(node);
    checkFormat(node, checked.typeOf);
    const below = isExempt || (node.kind === "call" && node.name === "format");
    for (const child of children(node)) rest.push([child, below]);
  }
}
