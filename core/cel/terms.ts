/** The parts that an expression is made of, as they stand in its text: each can be evaluated by itself. */
import { parse, type Spans } from "./syntax/parser.ts";
import { Refusal } from "./syntax/refusal.ts";
import { children, type Node } from "./syntax/tree.ts";

/** `all`: true where all its parts are; `any`: where one is; `not`: where its part is not. `other` says nothing of its parts. */
export interface Term {
  readonly text: string;
  readonly kind: "all" | "any" | "not" | "other";
  /** Without constants, and without what stands in a loop's body, which has no value of its own. */
  readonly parts: readonly Term[];
}

const KINDS: ReadonlyMap<string, Term["kind"]> = new Map([
  ["_&&_", "all"],
  ["_||_", "any"],
  ["!_", "not"],
]);

/** The whole expression as a term; undefined where it is none. */
export function termOf(expression: string): Term | undefined {
  const spans: Spans = new Map();
  try {
    const root = parse(expression, spans);
    return new Terms(expression, spans).term(root);
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}

class Terms {
  readonly #text: string;
  readonly #spans: Spans;

  constructor(text: string, spans: Spans) {
    this.#text = text;
    this.#spans = spans;
  }

  term(node: Node): Term {
    const kind = node.kind === "call" ? (KINDS.get(node.name) ?? "other") : "other";
    const below = kind === "all" || kind === "any" ? chained(node, nameOf(node)) : evaluable(node);
    return { text: this.#textOf(node), kind, parts: below.flatMap((part) => this.#shown(part)) };
  }

  /** Of a part that has no text of its own, its parts. */
  #shown(node: Node): Term[] {
    if (isConstant(node)) return [];
    if (!this.#spans.has(node)) return evaluable(node).flatMap((part) => this.#shown(part));
    return [this.term(node)];
  }

  #textOf(node: Node): string {
    const [from, to] = this.#spans.get(node) ?? [0, this.#text.length];
    return this.#text.slice(from, to).trim();
  }
}

const isConstant = (node: Node): boolean => node.kind !== "name" && children(node).every(isConstant);

const nameOf = (node: Node): string => (node.kind === "call" ? node.name : "");

/** The terms of `a && b && c`, which stands in the tree as a balanced one. */
function chained(node: Node, name: string): Node[] {
  return node.kind === "call" && node.name === name
    ? node.args.flatMap((part) => chained(part, name))
    : [node];
}

/** What is below a node and needs no variable of a loop; of `a.b.c`, the whole says it all. */
function evaluable(node: Node): readonly Node[] {
  if (node.kind === "loop") return [node.range];
  if (node.kind !== "select") return children(node);
  let root: Node = node;
  while (root.kind === "select") root = root.operand;
  return root.kind === "name" || root.kind === "literal" ? [] : [root];
}
