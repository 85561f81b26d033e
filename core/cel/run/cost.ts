/** What an expression may cost, estimated from its text alone. */
import { Refusal } from "../syntax/refusal.ts";
import { children, type Node } from "../syntax/tree.ts";

/** What a loop is assumed to go through when all that is known is that it is a list. */
const ASSUMED_ITEMS = 100;
const DEAREST = 1e9;

/** How many items a node's value has, at most. */
function items(node: Node): number {
  if (node.kind === "list") return node.items.length;
  if (node.kind === "map") return node.entries.length;
  if (node.kind === "loop" && ["list", "map", "sortBy"].includes(node.loop)) return items(node.range);
  return ASSUMED_ITEMS;
}

interface Visit {
  readonly node: Node;
  readonly times: number;
}

function below({ node, times }: Visit): Visit[] {
  if (node.kind !== "loop") return children(node).map((child) => ({ node: child, times }));
  const isOnce = node.loop === "optMap" || node.loop === "optFlatMap";
  const each = times * (isOnce ? 1 : Math.max(1, items(node.range)));
  const inner = node.filter === undefined ? [node.body] : [node.filter, node.body];
  return [{ node: node.range, times }, ...inner.map((child) => ({ node: child, times: each }))];
}

/** How many nodes are evaluated, at most. Throws a Refusal where that is more than any budget. */
export function estimate(root: Node): number {
  let cost = 0;
  const rest: Visit[] = [{ node: root, times: 1 }];
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    cost += next.times;
    if (cost > DEAREST) throw new Refusal("too expensive: loops within loops", next.node.at);
    rest.push(...below(next));
  }
  return cost;
}
