/** Which paths are the same, wherever they stand. */
import type { Node } from "../syntax/tree.ts";

type Call = Extract<Node, { kind: "call" }>;
type IsGiven = (name: string) => boolean;

/**
 * The same text for all nodes that come to the same value on the same input; undefined for what is no path. A path is
 * fields, has(), indexes that are texts, and conditions between paths: nothing that calls a function. `isGiven`: whether a
 * name is a variable of the input.
 */
export function pathKey(node: Node, isGiven: IsGiven): string | undefined {
  switch (node.kind) {
    case "name":
      return isGiven(node.name) ? node.name : undefined;
    case "select": {
      const before = pathKey(node.operand, isGiven);
      if (before === undefined) return undefined;
      return `${before}${node.isTest ? "~" : "."}${node.isOptional ? "?" : ""}${JSON.stringify(node.field)}`;
    }
    case "call":
      return node.target === undefined ? ofCall(node, isGiven) : undefined;
    default:
      return undefined;
  }
}

/** Of one field of a variable: looked up as fast as its text would be. */
export const isShort = (node: Node): boolean => node.kind === "select" && node.operand.kind === "name";

function ofCall({ name, args }: Call, isGiven: IsGiven): string | undefined {
  if (name === "_?_:_") {
    const [condition, yes, no] = args.map((one) => pathKey(one, isGiven));
    if (condition === undefined || yes === undefined || no === undefined) return undefined;
    return `(${condition} ? ${yes} : ${no})`;
  }
  const [operand, index] = args;
  if (name !== "_[_]" && name !== "_[?_]") return undefined;
  if (operand === undefined || index?.kind !== "literal" || typeof index.value !== "string") return undefined;
  const before = pathKey(operand, isGiven);
  return before === undefined ? undefined : `${before}${name}${JSON.stringify(index.value)}`;
}
