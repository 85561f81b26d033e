/** The macros: calls that are loops, and has(). */
import { Refusal } from "./refusal.ts";
import type { LoopKind, Node } from "./tree.ts";

export interface Call {
  name: string;
  target: Node | undefined;
  args: readonly Node[];
  at: number;
}

interface Macro {
  readonly loop: LoopKind;
  readonly variables: 1 | 2;
  readonly hasFilter: boolean;
}

const macro = (loop: LoopKind, variables: 1 | 2 = 1, hasFilter = false): Macro => ({
  loop,
  variables,
  hasFilter,
});

/** By name and number of arguments. */
const MACROS: ReadonlyMap<string, Macro> = new Map([
  ["all/2", macro("all")],
  ["exists/2", macro("exists")],
  ["exists_one/2", macro("existsOne")],
  ["map/2", macro("list")],
  ["map/3", macro("list", 1, true)],
  ["all/3", macro("all", 2)],
  ["exists/3", macro("exists", 2)],
  ["exists_one/3", macro("existsOne", 2)],
  ["existsOne/3", macro("existsOne", 2)],
  ["transformList/3", macro("list", 2)],
  ["transformList/4", macro("list", 2, true)],
  ["transformMap/3", macro("map", 2)],
  ["transformMap/4", macro("map", 2, true)],
  ["transformMapEntry/3", macro("entries", 2)],
  ["transformMapEntry/4", macro("entries", 2, true)],
  ["optMap/2", macro("optMap")],
  ["optFlatMap/2", macro("optFlatMap")],
]);
const ACCUMULATORS = new Set(["__result__", "@result"]);
/** What may be sorted by a key: not, say, a literal. */
const SORTABLE = new Set(["list", "select", "name", "loop", "call"]);

function variable(node: Node | undefined, taken: readonly string[]): string {
  if (node?.kind !== "name" || node.isRooted)
    throw new Refusal("a loop's variable must be a simple name", node?.at ?? 0);
  if (ACCUMULATORS.has(node.name)) throw new Refusal("a loop's variable has a reserved name", node.at);
  if (taken.includes(node.name)) throw new Refusal("a loop's variables have the same name", node.at);
  return node.name;
}

function loop(found: Macro, target: Node, { args, at }: Call): Node {
  const names: string[] = [];
  for (const argument of args.slice(0, found.variables)) names.push(variable(argument, names));
  const rest = args.slice(found.variables);
  const body = rest.at(-1);
  if (body === undefined) throw new Refusal("a loop without a body", at);
  return {
    kind: "loop",
    loop: found.loop,
    range: target,
    variables: names,
    filter: found.hasFilter ? rest[0] : undefined,
    body,
    at,
  };
}

function filtered(target: Node, { args, at }: Call): Node {
  const name = variable(args[0], []);
  const body: Node = { kind: "name", name, isRooted: false, at };
  return { kind: "loop", loop: "list", range: target, variables: [name], filter: args[1], body, at };
}

function sorted(target: Node, { args, at }: Call): Node {
  if (!SORTABLE.has(target.kind)) throw new Refusal("sortBy() is for lists", at);
  const [name, body] = [variable(args[0], []), args[1]];
  if (body === undefined) throw new Refusal("a loop without a body", at);
  return { kind: "loop", loop: "sortBy", range: target, variables: [name], filter: undefined, body, at };
}

function tested(argument: Node | undefined, at: number): Node {
  if (argument?.kind !== "select" || argument.isOptional || argument.isTest)
    throw new Refusal("invalid argument to has()", at);
  return { ...argument, isTest: true };
}

/** The call, or what the macro of that name and number of arguments makes of it. Throws a Refusal. */
export function expanded(call: Call): Node {
  const { target, args, at } = call;
  if (target === undefined)
    return call.name === "has" && args.length === 1 ? tested(args[0], at) : { kind: "call", ...call };
  if (call.name === "filter" && args.length === 2) return filtered(target, call);
  if (call.name === "sortBy" && args.length === 2) return sorted(target, call);
  const found = MACROS.get(`${call.name}/${args.length}`);
  return found === undefined ? { kind: "call", ...call } : loop(found, target, call);
}
