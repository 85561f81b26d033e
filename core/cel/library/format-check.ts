/** Formats that are literals, checked against the types of their arguments when compiled. */
import { Refusal } from "../syntax/refusal.ts";
import type { Node } from "../syntax/tree.ts";
import type { Type } from "../types/type.ts";
import { Failure } from "../values/value.ts";
import { piecesOf } from "./format-string.ts";

const TIMES = ["google.protobuf.Timestamp", "google.protobuf.Duration"];
const SHOWN = ["list", "map", "int", "uint", "double", "bool", "string", "bytes", "type", "null_type"];
const TAKEN: Readonly<Record<string, readonly string[]>> = {
  s: [...SHOWN, ...TIMES],
  d: ["int", "uint"],
  f: ["double", "string"],
  e: ["double", "string"],
  b: ["int", "uint", "bool"],
  x: ["int", "uint", "string", "bytes"],
  X: ["int", "uint", "string", "bytes"],
  o: ["int", "uint"],
};

function checkArgument(node: Node, verb: string, typeOf: (node: Node) => Type): void {
  const type = typeOf(node);
  if (type.kind !== "dyn" && !TAKEN[verb]?.includes(type.name))
    throw new Refusal("an argument does not fit its formatting clause", node.at);
  if (verb !== "s") return;
  if (node.kind === "list") for (const { value } of node.items) checkArgument(value, verb, typeOf);
  if (node.kind !== "map") return;
  for (const { key, value } of node.entries) {
    checkArgument(key, verb, typeOf);
    checkArgument(value, verb, typeOf);
  }
}

/** Throws a Refusal where a literal format has other clauses than its list literal has arguments. */
export function checkFormat(node: Node, typeOf: (node: Node) => Type): void {
  if (node.kind !== "call" || node.name !== "format" || node.target?.kind !== "literal") return;
  const [args] = node.args;
  if (typeof node.target.value !== "string" || args?.kind !== "list") return;
  const pieces = piecesOf(node.target.value);
  if (pieces instanceof Failure) throw new Refusal(pieces.message, node.at);
  const clauses = pieces.filter((piece) => typeof piece !== "string");
  if (clauses.length !== args.items.length)
    throw new Refusal(`the format has ${clauses.length} clauses, not ${args.items.length}`, node.at);
  clauses.forEach(({ verb }, i) => {
    const item = args.items[i];
    if (item !== undefined) checkArgument(item.value, verb, typeOf);
  });
}
