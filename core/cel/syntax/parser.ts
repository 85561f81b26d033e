/** CEL's grammar, read by descent. */
import { type Token, tokens } from "./lexer.ts";
import { expanded } from "./macros.ts";
import { Refusal } from "./refusal.ts";
import { BINARY, type Constant, call, type Entry, type Item, type Node } from "./tree.ts";

const RESERVED = new Set(
  "as break const continue else false for function if import in let loop package namespace null return true var void while".split(
    " ",
  ),
);
const RELATIONS = ["==", "!=", "<", "<=", ">", ">=", "in"];
const LEVELS: readonly (readonly string[])[] = [["||"], ["&&"], RELATIONS, ["+", "-"], ["*", "/", "%"]];
/** The first of them are of `||` and `&&`, whose chains may be as long as they like. */
const LOGICAL = 2;
/** Brackets within brackets, and operators in a row; as in Kubernetes. */
const DEEPEST = 250;
const MAX_INT = 2n ** 63n - 1n;

const OPERATOR_NAMES: ReadonlyMap<string, string> = new Map(Object.entries(BINARY));

/** A chain of one operator as a tree that is no deeper than it must be. */
function balanced(name: string, terms: readonly Node[]): Node {
  const [first] = terms;
  if (first === undefined) throw new Refusal("empty", 0);
  if (terms.length === 1) return first;
  const half = Math.ceil(terms.length / 2);
  return call(name, [balanced(name, terms.slice(0, half)), balanced(name, terms.slice(half))], first.at);
}

/** Where each node stands in the expression, from and to, in UTF-16 units; brackets around it are not part of it. */
export type Spans = Map<Node, readonly [from: number, to: number]>;

class Parser {
  readonly #tokens: readonly Token[];
  readonly #spans: Spans | undefined;
  #next = 0;
  #depth = 0;

  constructor(text: string, spans: Spans | undefined) {
    this.#tokens = tokens(text);
    this.#spans = spans;
  }

  /** Of a node that has just been read; what comes up to the next token is space. */
  #noted(node: Node, from: number): Node {
    if (this.#spans?.has(node) === false) this.#spans.set(node, [from, this.#peek().at]);
    return node;
  }

  all(): Node {
    const node = this.#expression();
    const rest = this.#peek();
    if (rest.kind !== "end") throw this.#unexpected();
    return node;
  }

  #peek(ahead = 0): Token {
    const token = this.#tokens[Math.min(this.#next + ahead, this.#tokens.length - 1)];
    if (token === undefined) throw new Refusal("empty", 0);
    return token;
  }

  #unexpected(): Refusal {
    const token = this.#peek();
    return new Refusal(token.kind === "end" ? "unexpected end" : "syntax error", token.at);
  }

  #is(sign: string, ahead = 0): boolean {
    const token = this.#peek(ahead);
    return token.kind === "sign" && token.text === sign;
  }

  #took(sign: string): boolean {
    const is = this.#is(sign);
    if (is) this.#next++;
    return is;
  }

  #expect(sign: string): void {
    if (!this.#took(sign)) throw this.#unexpected();
  }

  #expression(): Node {
    const { at } = this.#peek();
    if (++this.#depth > DEEPEST) throw new Refusal("nested too deeply", at);
    const condition = this.#binary(0);
    let node = condition;
    if (this.#took("?")) {
      const yes = this.#binary(0);
      this.#expect(":");
      node = call("_?_:_", [condition, yes, this.#expression()], condition.at);
    }
    this.#depth--;
    return this.#noted(node, at);
  }

  #binary(level: number): Node {
    const signs = LEVELS[level];
    if (signs === undefined) return this.#unary();
    const start = this.#peek().at;
    if (level < LOGICAL) return this.#noted(this.#logical(level, signs[0] ?? ""), start);
    let left = this.#binary(level + 1);
    for (let links = 1; ; links++) {
      const { at } = this.#peek();
      const sign = signs.find((one) => this.#took(one));
      if (sign === undefined) return left;
      if (links > DEEPEST) throw new Refusal("nested too deeply", at);
      left = call(OPERATOR_NAMES.get(sign) ?? "", [left, this.#binary(level + 1)], left.at);
      this.#noted(left, start);
    }
  }

  #logical(level: number, sign: string): Node {
    const terms = [this.#binary(level + 1)];
    while (this.#took(sign)) terms.push(this.#binary(level + 1));
    return balanced(OPERATOR_NAMES.get(sign) ?? "", terms);
  }

  /** A run of `!` or of `-`: an even one is nothing at all. One `-` before a number is part of it. */
  #unary(): Node {
    const { at } = this.#peek();
    const sign = ["!", "-"].find((one) => this.#is(one));
    if (sign === undefined) return this.#member(this.#primary(), at);
    let times = 0;
    while (this.#is(sign) && !(times === 0 && sign === "-" && this.#isNumber(1))) {
      this.#next++;
      times++;
    }
    const { at: from } = this.#peek();
    const operand = this.#member(this.#primary(), from);
    return times % 2 === 0 ? operand : this.#noted(call(`${sign}_`, [operand], at), at);
  }

  #isNumber(ahead: number): boolean {
    const token = this.#peek(ahead);
    return token.kind === "integer" || (token.kind === "value" && typeof token.value === "number");
  }

  #member(start: Node, from: number): Node {
    let node = start;
    for (let links = 0; ; links++) {
      this.#noted(node, from);
      if (links > DEEPEST) throw new Refusal("nested too deeply", node.at);
      if (this.#took(".")) node = this.#select(node);
      else if (this.#took("[")) {
        const name = this.#took("?") ? "_[?_]" : "_[_]";
        node = call(name, [node, this.#expression()], node.at);
        this.#expect("]");
      } else if (this.#is("{") && (node.kind === "name" || node.kind === "select"))
        throw new Refusal("messages are not supported", node.at);
      else return node;
    }
  }

  #select(operand: Node): Node {
    const isOptional = this.#took("?");
    const token = this.#peek();
    if (token.kind !== "name") throw this.#unexpected();
    this.#next++;
    if (isOptional || !this.#took("("))
      return { kind: "select", operand, field: token.text, isOptional, isTest: false, at: operand.at };
    return expanded({ name: token.text, target: operand, args: this.#arguments(), at: operand.at });
  }

  #arguments(): Node[] {
    const args: Node[] = [];
    if (this.#took(")")) return args;
    do args.push(this.#expression());
    while (this.#took(","));
    this.#expect(")");
    return args;
  }

  #primary(): Node {
    const token = this.#peek();
    const { at } = token;
    if (token.kind === "value") return this.#constant(token.value, at);
    if (token.kind === "integer") return this.#integer(token.value, at);
    if (this.#is("-") && this.#isNumber(1)) return this.#negative(at);
    if (this.#took("(")) {
      const node = this.#expression();
      this.#expect(")");
      return node;
    }
    if (this.#took("[")) return { kind: "list", items: this.#sequence("]", () => this.#item()), at };
    if (this.#took("{")) return { kind: "map", entries: this.#sequence("}", () => this.#entry()), at };
    return this.#named();
  }

  #constant(value: Constant, at: number): Node {
    this.#next++;
    return { kind: "literal", value, at };
  }

  #integer(value: bigint, at: number): Node {
    if (value > MAX_INT) throw new Refusal("integer literal out of range", at);
    return this.#constant(value, at);
  }

  #negative(at: number): Node {
    this.#next++;
    const token = this.#peek();
    if (token.kind === "integer" && token.value <= MAX_INT + 1n) return this.#constant(-token.value, at);
    if (token.kind === "value" && typeof token.value === "number") return this.#constant(-token.value, at);
    throw new Refusal("integer literal out of range", at);
  }

  #named(): Node {
    const { at } = this.#peek();
    const isRooted = this.#took(".");
    const token = this.#peek();
    if (token.kind !== "name") throw this.#unexpected();
    if (RESERVED.has(token.text)) throw new Refusal(`reserved identifier: ${token.text}`, at);
    this.#next++;
    const name = token.text;
    if (!this.#took("(")) return { kind: "name", name, isRooted, at };
    return isRooted
      ? call(name, this.#arguments(), at)
      : expanded({ name, target: undefined, args: this.#arguments(), at });
  }

  #sequence<T>(end: string, one: () => T): T[] {
    const all: T[] = [];
    while (!this.#is(end) && !this.#is(",")) {
      all.push(one());
      if (!this.#is(",") || this.#is(end, 1)) break;
      this.#next++;
      if (this.#is(",")) throw this.#unexpected();
    }
    this.#took(",");
    this.#expect(end);
    return all;
  }

  #item(): Item {
    const isOptional = this.#took("?");
    return { value: this.#expression(), isOptional };
  }

  #entry(): Entry {
    const isOptional = this.#took("?");
    const key = this.#expression();
    this.#expect(":");
    return { key, value: this.#expression(), isOptional };
  }
}

/** The tree of an expression; `spans` is filled with where its nodes stand. Throws a Refusal. */
export const parse = (text: string, spans?: Spans): Node => new Parser(text, spans).all();
