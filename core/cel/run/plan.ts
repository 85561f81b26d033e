/** Makes of a checked expression what evaluates it. */
import { pattern, REGEX_FUNCTIONS } from "../library/regex.ts";
import { spend } from "../meter.ts";
import { Refusal } from "../syntax/refusal.ts";
import type { Entry, Item, LoopNode, Node } from "../syntax/tree.ts";
import { type Checked, TYPE_NAMES } from "../types/check.ts";
import type { Environment, Overload } from "../types/environment.ts";
import { DYN, list, type Type } from "../types/type.ts";
import { isOf } from "../values/type-of.ts";
import {
  EntryMap,
  Failure,
  isHashable,
  NO_OVERLOAD,
  Optional,
  TypeValue,
  type Value,
} from "../values/value.ts";
import { follow, isIndex, passed, type Qualifier } from "./access.ts";
import type { Frame, Step } from "./frame.ts";
import { LOOPS } from "./loops.ts";
import { BINARY_OPERATORS, UNARY_OPERATORS } from "./operators.ts";

interface Planned {
  readonly step: Step;
  /** Where that is known already. */
  readonly constant?: Value;
}

/** Conversions of constants are made when compiled, and refused then, as in Kubernetes. */
const FOLDED = new Set("bool bytes double duration dyn int string timestamp type uint".split(" "));
const INDEXES = new Set(["_[_]", "_[?_]"]);
/** Functions with one implementation, that takes what it can whatever the checker resolved. */
const UNGUARDED = new Set(["size", "sort", "flatten"]);
const NOTHING: Frame = { slots: [], variable: () => undefined };
const UNKNOWN_VARIABLE = new Failure("no such variable");
const NOT_OPTIONAL = new Failure("an optional member without an optional value");

const constantly = (value: Value): Planned => ({ step: () => value, constant: value });

/** Gives a failure its place. */
const placed =
  (step: Step, at: number): Step =>
  (frame) => {
    spend(1);
    const value = step(frame);
    return value instanceof Failure && value.at < 0 ? new Failure(value.message, at) : value;
  };

class Planner {
  readonly #checked: Checked;
  readonly #environment: Environment;
  readonly #scopes: Map<string, number>[] = [];
  slots = 0;

  constructor(checked: Checked, environment: Environment) {
    this.#checked = checked;
    this.#environment = environment;
  }

  plan(node: Node): Planned {
    const planned = this.#of(node);
    return planned.constant === undefined ? { step: placed(planned.step, node.at) } : planned;
  }

  #of(node: Node): Planned {
    switch (node.kind) {
      case "literal":
        return constantly(node.value);
      case "name":
        return this.#named(node.name);
      case "select":
        return this.#path(node, []);
      case "call":
        return this.#call(node);
      case "list":
        return this.#list(node.items);
      case "map":
        return this.#map(node.entries);
      case "loop":
        return { step: this.#loop(node) };
      default:
        return node satisfies never;
    }
  }

  #named(name: string): Planned {
    for (let i = this.#scopes.length - 1; i >= 0; i--) {
      const slot = this.#scopes[i]?.get(name);
      if (slot !== undefined) return { step: ({ slots }) => passed(slots[slot] ?? null) };
    }
    if (this.#environment.variables.has(name))
      return {
        step: (frame) => {
          const value = frame.variable(name);
          return value === undefined ? UNKNOWN_VARIABLE : passed(value);
        },
      };
    const type = TYPE_NAMES.get(name);
    return type === undefined ? { step: () => UNKNOWN_VARIABLE } : constantly(new TypeValue(type.name));
  }

  /** A path, and what it begins at. */
  #path(node: Node, rest: readonly Qualifier[]): Planned {
    const name = node.kind === "select" ? this.#checked.qualified.get(node) : undefined;
    if (node.kind === "select" && name === undefined) {
      const { operand, field, isOptional, isTest } = node;
      return this.#path(operand, [{ key: () => field, isOptional, isTest }, ...rest]);
    }
    if (node.kind === "call" && node.target === undefined) {
      const [first, second, third] = node.args;
      if (first !== undefined && second !== undefined && INDEXES.has(node.name))
        return this.#path(first, [this.#index(second, node), ...rest]);
      // A path from a condition goes on from either side.
      if (node.name === "_?_:_" && first !== undefined && second !== undefined && third !== undefined)
        return {
          step: conditional(
            this.plan(first).step,
            this.#path(second, rest).step,
            this.#path(third, rest).step,
          ),
        };
    }
    const start = name === undefined ? this.plan(node) : this.#named(name);
    return rest.length === 0 ? start : { step: (frame) => follow(start.step(frame), rest, frame) };
  }

  #index(node: Node, { name, at }: Node & { kind: "call" }): Qualifier {
    const key = this.plan(node);
    if (key.constant !== undefined && !isIndex(key.constant)) throw new Refusal("invalid index", at);
    return { key: key.step, isOptional: name === "_[?_]", isTest: false };
  }

  #call(node: Node & { kind: "call" }): Planned {
    const { name } = node;
    if (node.target === undefined && (INDEXES.has(name) || name === "_?_:_")) return this.#path(node, []);
    const parts = node.args.map((argument) => this.plan(argument));
    const [first] = parts;
    if (first !== undefined && node.target === undefined) {
      const unary = UNARY_OPERATORS.get(name);
      if (unary !== undefined) return { step: strict1(first.step, unary) };
      const within = parts[1]?.constant;
      if (name === "@in" && Array.isArray(within)) return member(first.step, within);
      const operator = this.#operator(name, parts);
      if (operator !== undefined) return { step: operator };
    }
    return this.#function(node, parts);
  }

  #operator(name: string, [first, second]: readonly Planned[]): Step | undefined {
    if (first === undefined || second === undefined) return undefined;
    if (name === "_&&_") return logical(first.step, second.step, false);
    if (name === "_||_") return logical(first.step, second.step, true);
    const binary = BINARY_OPERATORS.get(name);
    return binary === undefined ? undefined : strict2(first.step, second.step, binary);
  }

  #function(node: Node & { kind: "call" }, args: readonly Planned[]): Planned {
    const known = UNGUARDED.has(node.name) ? this.#environment.functions.get(node.name) : undefined;
    const overloads = known ?? this.#checked.overloads.get(node) ?? [];
    const isMember = node.target !== undefined && !this.#checked.qualified.has(node);
    const parts = isMember && node.target !== undefined ? [this.plan(node.target), ...args] : args;
    const [first, second] = parts;
    if (
      isMember &&
      (node.name === "or" || node.name === "orValue") &&
      first !== undefined &&
      second !== undefined
    )
      return { step: otherwise(first.step, second.step, node.name === "orValue") };
    if (REGEX_FUNCTIONS.has(node.name) && typeof second?.constant === "string")
      if (pattern(second.constant) instanceof Failure)
        throw new Refusal("invalid regular expression", node.at);
    const step = dispatch(
      parts.map((part) => part.step),
      overloads,
    );
    const isConstant = FOLDED.has(node.name) && parts.length === 1 && first?.constant !== undefined;
    if (!isConstant) return { step };
    const value = step(NOTHING);
    if (value instanceof Failure) throw new Refusal(value.message, node.at);
    return constantly(value);
  }

  #list(items: readonly Item[]): Planned {
    const parts = items.map(({ value, isOptional }) => ({ ...this.plan(value), isOptional }));
    const step: Step = (frame) => {
      spend(0, parts.length * 8);
      const all: Value[] = [];
      for (const part of parts) {
        const value = part.step(frame);
        if (value instanceof Failure) return value;
        const member = part.isOptional ? memberOf(value) : value;
        if (member instanceof Failure) return member;
        if (member !== undefined) all.push(member);
      }
      return all;
    };
    const isConstant = parts.every((part) => part.constant !== undefined);
    return isConstant ? this.#folded(step) : { step };
  }

  #map(entries: readonly Entry[]): Planned {
    const parts = entries.map(({ key, value, isOptional }) => ({
      key: this.plan(key),
      value: this.plan(value),
      isOptional,
    }));
    const step: Step = (frame) => {
      spend(0, parts.length * 32);
      const map = new EntryMap();
      for (const part of parts) {
        const failure = enter(map, part.key.step(frame), () => part.value.step(frame), part.isOptional);
        if (failure !== undefined) return failure;
      }
      return map;
    };
    const isConstant = parts.every(
      ({ key, value }) => key.constant !== undefined && value.constant !== undefined,
    );
    return isConstant ? this.#folded(step) : { step };
  }

  #folded(step: Step): Planned {
    const value = step(NOTHING);
    return value instanceof Failure ? { step } : constantly(value);
  }

  #loop(node: LoopNode): Step {
    const range = this.plan(node.range).step;
    const slots = node.variables.map(() => this.slots++);
    this.#scopes.push(new Map(node.variables.map((name, i) => [name, slots[i] ?? 0])));
    const filter = node.filter === undefined ? undefined : this.plan(node.filter).step;
    const body = this.plan(node.body).step;
    this.#scopes.pop();
    return LOOPS[node.loop]({ range, slots, filter, body });
  }
}

/** What an optional member is; undefined where it is left out. */
const memberOf = (value: Value): Value | undefined =>
  value instanceof Optional ? value.value : NOT_OPTIONAL;

function enter(map: EntryMap, key: Value, make: () => Value, isOptional: boolean): Failure | undefined {
  if (key instanceof Failure) return key;
  const value = make();
  if (value instanceof Failure) return value;
  const member = isOptional ? memberOf(value) : value;
  if (member instanceof Failure) return member;
  if (member === undefined) map.delete(key);
  else if (!map.set(key, member)) return NO_OVERLOAD;
  return undefined;
}

const strict1 =
  (step: Step, run: (value: Value) => Value): Step =>
  (frame) => {
    const value = step(frame);
    return value instanceof Failure ? value : run(value);
  };

const strict2 =
  (one: Step, other: Step, run: (a: Value, b: Value) => Value): Step =>
  (frame) => {
    const a = one(frame);
    if (a instanceof Failure) return a;
    const b = other(frame);
    return b instanceof Failure ? b : run(a, b);
  };

/** `in` a list that is known: Kubernetes makes a set of it, which cannot be asked for everything. */
function member(step: Step, items: readonly Value[]): Planned {
  if (items.length === 0) return constantly(false);
  const isIn = BINARY_OPERATORS.get("@in");
  const isSet = items.every(isIndex);
  return {
    step: strict1(step, (value) =>
      (isSet && !isHashable(value)) || isIn === undefined ? NO_OVERLOAD : isIn(value, items),
    ),
  };
}

/** `&&` and `||`: one that decides is enough, whatever the other is. */
const logical =
  (one: Step, other: Step, decisive: boolean): Step =>
  (frame) => {
    const a = one(frame);
    if (a === decisive) return a;
    const b = other(frame);
    if (b === decisive) return b;
    if (a instanceof Failure) return a;
    if (typeof a !== "boolean") return NO_OVERLOAD;
    return typeof b === "boolean" || b instanceof Failure ? b : NO_OVERLOAD;
  };

const conditional =
  (condition: Step, yes: Step, no: Step): Step =>
  (frame) => {
    const value = condition(frame);
    if (typeof value === "boolean") return passed(value ? yes(frame) : no(frame));
    return value instanceof Failure ? value : NO_OVERLOAD;
  };

/** `or` and `orValue`, whose argument is evaluated only where it is needed. */
const otherwise =
  (one: Step, other: Step, isValue: boolean): Step =>
  (frame) => {
    const value = one(frame);
    if (!(value instanceof Optional)) return value;
    if (value.value === undefined) return other(frame);
    return isValue ? value.value : value;
  };

const shallow = (type: Type): Type => (type.kind === "list" ? list(DYN) : type);

/** Runs the first of the overloads that takes the values. */
function dispatch(args: readonly Step[], overloads: readonly Overload[]): Step {
  return (frame) => {
    const values: Value[] = [];
    for (const argument of args) {
      const value = argument(frame);
      if (value instanceof Failure) return value;
      values.push(value);
    }
    const takes = ({ name, params }: Overload): boolean =>
      params.length === values.length &&
      params.every((param, i) => isOf(values[i] ?? null, UNGUARDED.has(name) ? shallow(param) : param));
    const overload = overloads.find(takes);
    if (overload === undefined) return NO_OVERLOAD;
    spend(1);
    return overload.run(...(values as never[]));
  };
}

/** What evaluates an expression, and how many slots its loops need. Throws a Refusal. */
export function plan(root: Node, checked: Checked, environment: Environment): { step: Step; slots: number } {
  const planner = new Planner(checked, environment);
  const { step } = planner.plan(root);
  return { step, slots: planner.slots };
}
