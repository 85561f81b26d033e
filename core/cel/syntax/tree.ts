/** The parsed expression, its macros expanded. */
import type { Uint } from "../values/value.ts";

export type Constant = null | boolean | bigint | number | string | Uint | Uint8Array;

/** Loops, named after the macros that write them. */
export type LoopKind =
  | "all"
  | "exists"
  | "existsOne"
  | "list"
  | "map"
  | "entries"
  | "sortBy"
  | "optMap"
  | "optFlatMap";

interface Placed {
  /** Where it begins in the expression, in UTF-16 units. */
  readonly at: number;
}

export type Node = Placed &
  (
    | { readonly kind: "literal"; readonly value: Constant }
    | { readonly kind: "name"; readonly name: string /** Written `.name`. */; readonly isRooted: boolean }
    | {
        readonly kind: "select";
        readonly operand: Node;
        readonly field: string;
        /** `.?` */
        readonly isOptional: boolean;
        /** has() */
        readonly isTest: boolean;
      }
    | {
        readonly kind: "call";
        readonly name: string;
        readonly target: Node | undefined;
        readonly args: readonly Node[];
      }
    | { readonly kind: "list"; readonly items: readonly Item[] }
    | { readonly kind: "map"; readonly entries: readonly Entry[] }
    | LoopNode
  );

/** `isOptional` items and entries are left out where they have no value. */
export interface Item {
  readonly value: Node;
  readonly isOptional: boolean;
}

export interface Entry extends Item {
  readonly key: Node;
}

export interface LoopNode extends Placed {
  readonly kind: "loop";
  readonly loop: LoopKind;
  readonly range: Node;
  readonly variables: readonly string[];
  readonly filter: Node | undefined;
  readonly body: Node;
}

/** The operators that are calls; `&&`, `||`, `?:` and `[]` are among them. */
export const BINARY = {
  "&&": "_&&_",
  "||": "_||_",
  "==": "_==_",
  "!=": "_!=_",
  "<": "_<_",
  "<=": "_<=_",
  ">": "_>_",
  ">=": "_>=_",
  in: "@in",
  "+": "_+_",
  "-": "_-_",
  "*": "_*_",
  "/": "_/_",
  "%": "_%_",
} as const;

export const call = (name: string, args: readonly Node[], at: number): Node => ({
  kind: "call",
  name,
  target: undefined,
  args,
  at,
});

/** The nodes directly below one. */
export function children(node: Node): readonly Node[] {
  switch (node.kind) {
    case "literal":
    case "name":
      return [];
    case "select":
      return [node.operand];
    case "call":
      return node.target === undefined ? node.args : [node.target, ...node.args];
    case "list":
      return node.items.map((item) => item.value);
    case "map":
      return node.entries.flatMap((entry) => [entry.key, entry.value]);
    case "loop":
      return node.filter === undefined ? [node.range, node.body] : [node.range, node.filter, node.body];
    default:
      return node satisfies never;
  }
}
