/** Makes of a checked expression what evaluates it. */
import { textOf } from "../input.ts";
import { AUTHORIZER_VARIABLES } from "../library/authorizer.ts";
import { pattern, REGEX_FUNCTIONS } from "../library/regex.ts";
import { spend } from "../meter.ts";
import { Refusal } from "../syntax/refusal.ts";
import type { Entry, Item, LoopNode, Node } from "../syntax/tree.ts";
import { type Checked, TYPE_NAMES } from "../types/check.ts";
import type { Environment } from "../types/environment.ts";
import {
  EntryMap,
  Failure,
  isHashable,
  NO_OVERLOAD,
  Optional,
  TypeValue,
  type Value,
} from "../values/value.ts";
import { follow, followNames, isIndex, passed, type Qualifier } from "./access.ts";
import { comparison, dispatch, matching, otherwise, strict1, strict2, UNGUARDED } from "./calls.ts";
import type { Frame, Step } from "./frame.ts";
import { LOOPS } from "./loops.ts";
import { BINARY_OPERATORS, UNARY_OPERATORS } from "./operators.ts";
import { isShort, pathKey } from "./path-key.ts";

interface Planned {
  readonly step: Step;
  /** Where that is known already. */
  readonly constant?: Value;
  /** It is paid for, and a failure has its place. */
  readonly isPlaced?: true;
  /** Where it is the variable of a loop. */
  readonly slot?: number;
}

/** Conversions of constants are made when compiled, and refused then, as in Kubernetes. */
const FOLDED = new Set("bool bytes double duration dyn int string timestamp type uint".split(" "));
const INDEXES = new Set(["_[_]", "_[?_]"]);
const NOTHING: Frame = { slots: [], variable: () => undefined, paths: new Map() };
const UNKNOWN_VARIABLE = new Failure("no such variable");
/** What a policy composes: another value in each. */
const VARIABLES = "variables";
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

/** The variable of a loop. */
const slotted =
  (slot: number): Step =>
  ({ slots }) => {
    spend(1);
    return passed(slots[slot] ?? null);
  };

/** A field of a loop's variable: of most it is a text, and all there is to do. */
const fieldOf =
  (slot: number, name: string, otherwise: Step): Step =>
  (frame) => {
    const text = textOf(frame.slots[slot], name);
    if (text === undefined) return otherwise(frame);
    spend(3);
    return text;
  };

/** Follows a path from where it starts. */
function along({ step, slot }: Planned, path: readonly Qualifier[]): Step {
  const names = path.map((part) => (part.isOptional || part.isTest ? undefined : part.name));
  if (!names.every((one) => one !== undefined)) return (frame) => follow(step(frame), path, frame);
  const whole: Step = (frame) => followNames(step(frame), names, path, frame);
  const [name, more] = names;
  return slot === undefined || name === undefined || more !== undefined ? whole : fieldOf(slot, name, whole);
}

/**
 * A path that is followed once for each input, whichever expressions have it: policies by the hundred look at the same
 * containers. A failure is not kept, as it has a place of its own in each.
 */
const once =
  (step: Step, key: string): Step =>
  (frame) => {
    const known = frame.paths.get(key);
    if (known !== undefined) {
      spend(1);
      return known;
    }
    const value = step(frame);
    if (!(value instanceof Failure)) frame.paths.set(key, value);
    return value;
  };

/** A variable of the environment. */
function variable(name: string, at: number): Step {
  const unknown = new Failure(UNKNOWN_VARIABLE.message, at);
  return (frame) => {
    spend(1);
    const value = frame.variable(name);
    if (value === undefined) return unknown;
    return value instanceof Failure && value.at < 0 ? new Failure(value.message, at) : passed(value);
  };
}

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
    if (planned.constant !== undefined || planned.isPlaced === true) return planned;
    return { step: placed(planned.step, node.at) };
  }

  #of(node: Node): Planned {
    switch (node.kind) {
      case "literal":
        return constantly(node.value);
      case "name":
        return this.#named(node.name, node.at);
      case "select":
        return this.#once(node, this.#path(node, []));
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

  #named(name: string, at: number): Planned {
    for (let i = this.#scopes.length - 1; i >= 0; i--) {
      const slot = this.#scopes[i]?.get(name);
      if (slot !== undefined) return { step: slotted(slot), isPlaced: true, slot };
    }
    if (this.#environment.variables.has(name)) return { step: variable(name, at), isPlaced: true };
    const type = TYPE_NAMES.get(name);
    return type === undefined ? { step: () => UNKNOWN_VARIABLE } : constantly(new TypeValue(type.name));
  }

  /** A path, and what it begins at. */
  #path(node: Node, rest: readonly Qualifier[]): Planned {
    const name = node.kind === "select" ? this.#checked.qualified.get(node) : undefined;
    if (node.kind === "select" && name === undefined) {
      const { operand, field, isOptional, isTest } = node;
      return this.#path(operand, [{ name: field, key: () => field, isOptional, isTest }, ...rest]);
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
    const start = name === undefined ? this.plan(node) : this.#named(name, node.at);
    return rest.length === 0 ? start : { step: along(start, rest) };
  }

  #once(node: Node, planned: Planned): Planned {
    const key = isShort(node) ? undefined : pathKey(node, (name) => this.#isGiven(name));
    return key === undefined ? planned : { step: once(planned.step, key) };
  }

  /** Whether it stands for the same in all expressions on an input: neither a loop's variable nor a policy's own. */
  #isGiven(name: string): boolean {
    const isOwn = name === VARIABLES || AUTHORIZER_VARIABLES.has(name);
    return !isOwn && this.#environment.variables.has(name) && !this.#scopes.some((scope) => scope.has(name));
  }

  #index(node: Node, { name, at }: Node & { kind: "call" }): Qualifier {
    const { step, constant } = this.plan(node);
    if (constant !== undefined && !isIndex(constant)) throw new Refusal("invalid index", at);
    const known = typeof constant === "string" ? { name: constant } : {};
    return { ...known, key: step, isOptional: name === "_[?_]", isTest: false };
  }

  #call(node: Node & { kind: "call" }): Planned {
    const { name } = node;
    if (node.target === undefined && (INDEXES.has(name) || name === "_?_:_"))
      return this.#once(node, this.#path(node, []));
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
    if (name === "_==_" || name === "_!=_") {
      const isEqual = name === "_==_";
      if (typeof second.constant === "string") return comparison(first.step, second.constant, isEqual);
      if (typeof first.constant === "string") return comparison(second.step, first.constant, isEqual);
    }
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
    const matches = matchesOf(node, parts);
    if (matches !== undefined) return { step: matches };
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

/** Of a function with a pattern that is known: refused where it is none; compiled now where that is all there is to it. */
function matchesOf(
  { name, at }: Node & { kind: "call" },
  [first, second, ...more]: readonly Planned[],
): Step | undefined {
  if (!REGEX_FUNCTIONS.has(name) || typeof second?.constant !== "string") return undefined;
  if (pattern(second.constant) instanceof Failure) throw new Refusal("invalid regular expression", at);
  if (name !== "matches" || first === undefined || more.length > 0) return undefined;
  return matching(first.step, second.constant);
}

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

/** What evaluates an expression, and how many slots its loops need. Throws a Refusal. */
export function plan(root: Node, checked: Checked, environment: Environment): { step: Step; slots: number } {
  const planner = new Planner(checked, environment);
  const { step } = planner.plan(root);
  return { step, slots: planner.slots };
}
