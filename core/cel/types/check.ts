/** The types of an expression's parts, and which overloads its calls may be: cel-go's rules. */
import { Refusal } from "../syntax/refusal.ts";
import type { LoopNode, Node } from "../syntax/tree.ts";
import { Uint } from "../values/value.ts";
import type { Environment, Overload } from "./environment.ts";
import {
  BOOL,
  BYTES,
  DOUBLE,
  DURATION,
  DYN,
  INT,
  list,
  map,
  NULL,
  optional,
  param,
  STRING,
  shown,
  TIMESTAMP,
  type Type,
  typeOf,
  UINT,
} from "./type.ts";
import { Bindings, mostGeneral, same } from "./unify.ts";

export interface Checked {
  readonly typeOf: (node: Node) => Type;
  /** What a call may be; several where only the values tell. */
  readonly overloads: ReadonlyMap<Node, readonly Overload[]>;
  /** Selections that are variables with a dot in their names, and calls of functions that have one. */
  readonly qualified: ReadonlyMap<Node, string>;
}

/** Operators within operators; a chain is as deep as it is long. */
const DEEPEST = 500;

/** The types that expressions may name, as what they are the types of. */
export const TYPE_NAMES: ReadonlyMap<string, Type> = new Map(
  [
    ...[BOOL, BYTES, DOUBLE, DURATION, INT, NULL, STRING, TIMESTAMP, UINT],
    ...[list(param("A")), map(param("A"), param("B")), optional(param("A"))],
    { kind: "type", name: "type", params: [] } as const,
    ...["net.IP", "net.CIDR"].map((name): Type => ({ kind: "opaque", name, params: [] })),
  ].map((one): [string, Type] => [one.name, one]),
);

/** A function that expressions cannot name: of a list and the keys of its items. */
const SORT_BY = "@sortBy";

function literalType(value: unknown): Type {
  if (value === null) return NULL;
  if (value instanceof Uint) return UINT;
  if (value instanceof Uint8Array) return BYTES;
  const types: Readonly<Record<string, Type>> = {
    boolean: BOOL,
    bigint: INT,
    number: DOUBLE,
    string: STRING,
  };
  return types[typeof value] ?? DYN;
}

/** `a.b.c`, where that is all a node is. */
function qualifiedName(node: Node): string | undefined {
  if (node.kind === "name") return node.name;
  if (node.kind !== "select" || node.isOptional || node.isTest) return undefined;
  const before = qualifiedName(node.operand);
  return before === undefined ? undefined : `${before}.${node.field}`;
}

const itemOf = (type: Type, at = 0): Type => type.params[at] ?? DYN;

class Checker {
  readonly #environment: Environment;
  readonly #bindings = new Bindings();
  readonly #scopes: Map<string, Type>[] = [];
  readonly types = new Map<Node, Type>();
  readonly overloads = new Map<Node, readonly Overload[]>();
  readonly qualified = new Map<Node, string>();
  #depth = 0;

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  final(node: Node): Type {
    return this.#bindings.resolved(this.types.get(node) ?? DYN, true);
  }

  check(node: Node): Type {
    if (++this.#depth > DEEPEST) throw new Refusal("nested too deeply", node.at);
    const type = this.#of(node);
    this.types.set(node, type);
    this.#depth--;
    return type;
  }

  #of(node: Node): Type {
    switch (node.kind) {
      case "literal":
        return literalType(node.value);
      case "name":
        return this.#named(node.name) ?? this.#undeclared(node.name, node.at);
      case "select":
        return this.#select(node);
      case "call":
        return this.#call(node);
      case "list":
        return this.#list(node);
      case "map":
        return this.#map(node);
      case "loop":
        return this.#loop(node);
      default:
        return node satisfies never;
    }
  }

  #named(name: string): Type | undefined {
    for (let i = this.#scopes.length - 1; i >= 0; i--) {
      const found = this.#scopes[i]?.get(name);
      if (found !== undefined) return found;
    }
    const type = TYPE_NAMES.get(name);
    return this.#environment.variables.get(name) ?? (type === undefined ? undefined : typeOf(type));
  }

  #undeclared(name: string, at: number): never {
    throw new Refusal(`undeclared reference to '${name}'`, at);
  }

  #fits(given: readonly Type[], wanted: readonly Type[]): boolean {
    return this.#bindings.fits(given, wanted);
  }

  #must(given: Type, wanted: Type, node: Node): void {
    if (this.#fits([given], [wanted])) return;
    const [one, other] = [given, wanted].map((type) => shown(this.#bindings.resolved(type, true)));
    throw new Refusal(`expected type ${other}, found ${one}`, node.at);
  }

  #select(node: Node & { kind: "select" }): Type {
    const name = qualifiedName(node);
    const variable = name === undefined ? undefined : this.#named(name);
    if (name !== undefined && variable !== undefined) {
      this.qualified.set(node, name);
      return variable;
    }
    const operand = this.#bindings.resolved(this.check(node.operand));
    const isOptional = operand.name === "optional_type";
    const field = this.#field(isOptional ? itemOf(operand) : operand, node.field, node.at);
    if (node.isTest) return BOOL;
    return this.#bindings.resolved(isOptional || node.isOptional ? optional(field) : field);
  }

  #field(type: Type, name: string, at: number): Type {
    if (type.kind === "dyn") return DYN;
    if (type.kind === "map") return itemOf(type, 1);
    if (type.kind === "param") {
      this.#fits([DYN], [type]);
      return DYN;
    }
    const fields = type.kind === "struct" ? this.#environment.structs.get(type.name) : undefined;
    if (fields === undefined) throw new Refusal(`type ${shown(type)} has no fields`, at);
    const field = fields.get(name);
    if (field === undefined) throw new Refusal(`undefined field '${name}'`, at);
    return field;
  }

  #call(node: Node & { kind: "call" }): Type {
    const args = node.args.map((argument) => this.check(argument));
    if (node.name === "_&&_" || node.name === "_||_") return this.#logical(node, args);
    const { target } = node;
    if (target === undefined) return this.#resolved(node, node.name, args, false);
    const before = qualifiedName(target);
    const name = before === undefined ? undefined : `${before}.${node.name}`;
    if (name !== undefined && this.#environment.functions.has(name)) {
      this.qualified.set(node, name);
      return this.#resolved(node, name, args, false);
    }
    return this.#resolved(node, node.name, [this.check(target), ...args], true);
  }

  #logical(node: Node & { kind: "call" }, types: readonly Type[]): Type {
    types.forEach((type, i) => {
      this.#must(type, BOOL, node.args[i] ?? node);
    });
    return BOOL;
  }

  #resolved(node: Node, name: string, args: readonly Type[], isMember: boolean): Type {
    const overloads = this.#environment.functions.get(name);
    if (overloads === undefined) return this.#undeclared(name, node.at);
    const matching: Overload[] = [];
    let result: Type | undefined;
    for (const overload of overloads) {
      if (overload.isMember !== isMember) continue;
      const own = this.#instance(overload);
      if (!this.#fits(args, own.params)) continue;
      matching.push(overload);
      const type = this.#bindings.resolved(own.result);
      if (result === undefined) result = type;
      else if (result.kind !== "dyn" && !same(type, result)) result = DYN;
    }
    if (result === undefined) {
      const given = args.map((type) => shown(this.#bindings.resolved(type, true))).join(", ");
      throw new Refusal(`found no matching overload for '${name}' applied to '(${given})'`, node.at);
    }
    this.overloads.set(node, matching);
    return result;
  }

  /** An overload with parameters of its own. */
  #instance({ params, result }: Overload): { params: Type[]; result: Type } {
    const fresh = new Map<string, Type>();
    const renamed = (type: Type): Type => {
      if (type.kind === "param") {
        const own = fresh.get(type.name) ?? this.#bindings.fresh();
        fresh.set(type.name, own);
        return own;
      }
      return type.params.length === 0 ? type : { ...type, params: type.params.map(renamed) };
    };
    return { params: params.map(renamed), result: renamed(result) };
  }

  #joined(before: Type | undefined, type: Type): Type {
    if (before === undefined) return type;
    // Members of unlike types are refused later, with the final types known.
    return this.#fits([before], [type]) ? mostGeneral(before, type) : DYN;
  }

  #member({ value, isOptional }: { value: Node; isOptional: boolean }): Type {
    const type = this.check(value);
    if (!isOptional || type.kind === "dyn") return type;
    if (type.name !== "optional_type") throw new Refusal("expected an optional value", value.at);
    return itemOf(type);
  }

  #list(node: Node & { kind: "list" }): Type {
    let type: Type | undefined;
    for (const item of node.items) type = this.#joined(type, this.#member(item));
    return list(type ?? this.#bindings.fresh());
  }

  #map(node: Node & { kind: "map" }): Type {
    let [key, value]: (Type | undefined)[] = [];
    for (const entry of node.entries) {
      key = this.#joined(key, this.check(entry.key));
      value = this.#joined(value, this.#member(entry));
    }
    return map(key ?? this.#bindings.fresh(), value ?? this.#bindings.fresh());
  }

  #within<T>(names: readonly string[], types: readonly Type[], work: () => T): T {
    this.#scopes.push(new Map(names.map((name, i) => [name, types[i] ?? DYN])));
    try {
      return work();
    } finally {
      this.#scopes.pop();
    }
  }

  #items(range: Type, count: number, node: Node): Type[] {
    const type = this.#bindings.resolved(range);
    if (type.kind === "list") return count === 2 ? [INT, itemOf(type)] : [itemOf(type)];
    if (type.kind === "map") return [itemOf(type), itemOf(type, 1)];
    if (type.kind !== "dyn" && type.kind !== "param")
      throw new Refusal(`type ${shown(type)} cannot be looped over`, node.at);
    this.#fits([DYN], [type]);
    return [DYN, DYN];
  }

  #loop(node: LoopNode): Type {
    const range = this.check(node.range);
    if (node.loop === "optMap" || node.loop === "optFlatMap") return this.#optional(node, range);
    const items = this.#items(range, node.variables.length, node.range);
    return this.#within(node.variables, items, () => {
      if (node.filter !== undefined) this.#must(this.check(node.filter), BOOL, node.filter);
      return this.#collected(node, range, items, this.check(node.body));
    });
  }

  #collected(node: LoopNode, range: Type, items: readonly Type[], body: Type): Type {
    const [key, value] = [this.#bindings.fresh(), this.#bindings.fresh()];
    switch (node.loop) {
      case "list":
        return list(body);
      case "map":
        this.#fits([items[0] ?? DYN, body], [key, value]);
        return map(key, value);
      case "entries":
        this.#must(body, map(key, value), node.body);
        return map(key, value);
      case "sortBy":
        return this.#resolved(node, SORT_BY, [range, list(body)], true);
      default:
        this.#must(body, BOOL, node.body);
        return BOOL;
    }
  }

  #optional(node: LoopNode, range: Type): Type {
    const [value, result] = [this.#bindings.fresh(), this.#bindings.fresh()];
    this.#must(range, optional(value), node.range);
    const body = this.#within(node.variables, [this.#bindings.resolved(value)], () => this.check(node.body));
    if (node.loop === "optMap") return optional(body);
    this.#must(body, optional(result), node.body);
    return this.#bindings.resolved(mostGeneral(body, optional(result)));
  }
}

/** Throws a Refusal where an expression names what there is not, or its types do not fit. */
export function check(root: Node, environment: Environment): Checked {
  const checker = new Checker(environment);
  checker.check(root);
  const { overloads, qualified } = checker;
  return { typeOf: (node) => checker.final(node), overloads, qualified };
}
