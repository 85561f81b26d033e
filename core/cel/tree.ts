/** The parsed expression: walked before it is checked, and metered after. */
import { EvaluationError } from "@marcbachmann/cel-js";
import { equal } from "./equal.ts";
import { failure } from "./failure.ts";
import { spend } from "./meter.ts";
import { pattern } from "./regex.ts";

type Evaluate = (evaluator: unknown, node: Node, context: unknown) => unknown;

/** A node of the library's tree, as far as it is used here; undocumented there, hence the exact pin. */
export interface Node {
  readonly op: string;
  readonly args: unknown;
  readonly meta: { alternate?: Node; macro?: { args: unknown; evaluate: Evaluate }; evaluate: Evaluate };
  readonly input: string;
  readonly start: number;
  readonly end: number;
  evaluate: Evaluate;
  handle?: (left: unknown, right: unknown, node: Node, evaluator: unknown) => unknown;
}

export interface Refusal {
  message: string;
  /** Where in the expression, in UTF-16 units. */
  at: number;
}

interface Visit {
  node: Node;
  depth: number;
  times: number;
}

const DEEPEST = 250;
/** What a loop is assumed to go through when all that is known is that it is a list. */
const ASSUMED_ITEMS = 100;
const DEAREST = 1e9;
const [MIN, MAX] = [-(2n ** 63n), 2n ** 63n - 1n];

/** Built-ins whose results are not Kubernetes'; the library cannot override them, so that calls are renamed. */
const RENAMED = new Set(
  "matches indexOf lastIndexOf substring split join trim lowerAscii upperAscii".split(" "),
);
/** What the library has and Kubernetes has not. */
const FOREIGN = new Set(["bind", "json", "hex", "base64", "at"]);

const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && "op" in value;

function nodesIn(value: unknown): Node[] {
  if (isNode(value)) return [value];
  return Array.isArray(value) ? value.flatMap(nodesIn) : [];
}

interface Loop {
  iterable: Node;
  init: Node;
  step: Node;
}

const loopOf = (node: Node): Loop | undefined =>
  node.op === "comprehension" ? (node.args as Loop) : undefined;

function below({ node, depth, times }: Visit): Visit[] {
  const visit = (child: Node, factor = 1): Visit => ({
    node: child,
    depth: depth + 1,
    times: times * factor,
  });
  if (node.meta.alternate !== undefined) return [{ node: node.meta.alternate, depth, times }];
  if (node.meta.macro !== undefined)
    return nodesIn([node.args, node.meta.macro.args]).map((child) => visit(child));
  const loop = loopOf(node);
  if (loop === undefined) return nodesIn(node.args).map((child) => visit(child));
  return [visit(loop.iterable), visit(loop.init), visit(loop.step, ASSUMED_ITEMS)];
}

/** Every node once, a loop's parts in place of the macro it was written as. */
function* visits(root: Node): Generator<Visit> {
  const stack: Visit[] = [{ node: root, depth: 0, times: 1 }];
  const seen = new Set<Node>();
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    if (seen.has(next.node)) continue;
    seen.add(next.node);
    yield next;
    stack.push(...below(next));
  }
}

const literal = (node: unknown): unknown => (isNode(node) && node.op === "value" ? node.args : undefined);

function refusedPattern(text: unknown): string | undefined {
  if (typeof text !== "string") return undefined;
  try {
    pattern(text);
    return undefined;
  } catch {
    return "invalid regular expression";
  }
}

/** Variables whose fields are known; the library's has() does not look at them. */
const DECLARED = new Set(["request", "namespaceObject", "agent"]);

function rootOf(node: Node): string {
  let root: unknown = node;
  while (isNode(root) && root.op !== "id") root = Array.isArray(root.args) ? root.args[0] : undefined;
  return isNode(root) ? String(root.args) : "";
}

function refusedCall(node: Node, isValid: (call: string, literal: string) => boolean): string | undefined {
  const args = node.args as unknown[];
  const name = String(args[0]);
  const given = nodesIn(args.at(-1));
  const foreign = FOREIGN.has(name) || (name === "string" && node.op === "rcall");
  if (foreign || name.startsWith("hoop_")) return `undeclared reference to '${name}'`;
  const last = literal(given.at(-1));
  const tested = name === "has" ? given.at(0) : undefined;
  if (tested !== undefined && DECLARED.has(rootOf(tested))) {
    const path = tested.input.slice(tested.start, tested.end);
    return isValid("has", path) ? undefined : "undefined field in has()";
  }
  if (RENAMED.has(name)) args[0] = `hoop_${name}`;
  if (name === "matches") return refusedPattern(last);
  const checked = node.op === "call" && (name === "duration" || name === "timestamp");
  if (checked && typeof last === "string" && !isValid(name, last)) return `invalid ${name} literal`;
  return undefined;
}

function refusedNode(
  node: Node,
  negated: ReadonlySet<unknown>,
  isValid: (call: string, literal: string) => boolean,
): string | undefined {
  const value = literal(node);
  if (typeof value === "bigint" && (value < MIN || value > (negated.has(node) ? MAX + 1n : MAX)))
    return "integer literal out of range";
  return node.op === "call" || node.op === "rcall" ? refusedCall(node, isValid) : undefined;
}

/**
 * Makes calls of the library's built-ins calls of ours, in place, and refuses what Kubernetes lacks, literals that
 * are none, and what is nested too deeply or estimated too dear. `isValid` tells whether a literal is one of
 * `duration` or `timestamp`, and whether a path in `has` is of declared fields. Run before the type check.
 */
export function prepare(
  root: Node,
  isValid: (call: string, literal: string) => boolean,
): { cost: number } | Refusal {
  let cost = 0;
  const negated = new Set<unknown>();
  for (const { node, depth, times } of visits(root)) {
    cost += times;
    if (node.op === "-_") negated.add(node.args);
    const message =
      (depth > DEEPEST && "nested too deeply") ||
      (cost > DEAREST && "too expensive: loops within loops") ||
      refusedNode(node, negated, isValid);
    if (message) return { message, at: node.start };
  }
  return { cost };
}

const BUILDS = new Set(["+", "call", "rcall", "list", "map"]);
/** What hands on the list that a loop is filling: it is paid for item by item. */
const HANDS_ON = new Set(["accuPush", "accuValue", "?:"]);

function pay(op: string, value: unknown, isLooped: boolean): void {
  if (typeof value === "string") spend(value.length >> 6, BUILDS.has(op) ? value.length : 0);
  else if (typeof value === "bigint" && op !== "value" && (value < MIN || value > MAX))
    throw failure("numeric_overflow");
  else if (isLooped && value instanceof Map) spend(value.size);
  else if (Array.isArray(value) && !HANDS_ON.has(op))
    spend(isLooped ? value.length : value.length >> 3, BUILDS.has(op) ? value.length * 8 : 0);
  else if (op === "accuPush") spend(0, 8);
}

function contained(item: unknown, list: unknown): boolean {
  if (Array.isArray(list)) return list.some((other) => equal(item, other));
  if (list instanceof Map) return list.has(item);
  // A map literal is a plain object.
  if (list !== null && typeof list === "object" && Object.getPrototypeOf(list) === Object.prototype)
    return Object.hasOwn(list, String(item));
  throw new EvaluationError({ code: "no_matching_overload", message: "no matching overload" });
}

const COMPARED: Readonly<Record<string, (left: unknown, right: unknown) => boolean>> = {
  "==": equal,
  "!=": (left, right) => !equal(left, right),
  in: contained,
};

function inner(node: Node): Evaluate {
  const { alternate, macro, evaluate } = node.meta;
  if (alternate !== undefined)
    return (evaluator, _, context) => alternate.evaluate(evaluator, alternate, context);
  if (macro !== undefined)
    return (evaluator, _, context) => macro.evaluate(evaluator, macro as never, context);
  return evaluate;
}

/** Makes each node pay for its evaluation, in place. Run after the type check. */
export function meter(root: Node, length: number): void {
  const nodes = [...visits(root)].map(({ node }) => node);
  const looped = new Set(nodes.map((node) => loopOf(node)?.iterable));
  // An error is made with its place in the text, and again for each item of a loop that goes on after one.
  const errorCost = 20 + (length >> 5);
  for (const node of nodes) {
    const compare = node.meta.macro === undefined ? COMPARED[node.op] : undefined;
    if (compare !== undefined) node.handle = compare;
    const evaluate = inner(node);
    node.evaluate = (evaluator, given, context) => {
      spend(1);
      let value: unknown;
      try {
        value = evaluate(evaluator, given, context);
      } catch (error) {
        spend(errorCost);
        throw error;
      }
      pay(node.op, value, looped.has(node));
      return value;
    };
  }
}
