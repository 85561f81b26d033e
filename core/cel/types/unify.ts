/** Which types fit which, with parameters bound on the way: CEL's own rules. */
import { spend } from "../meter.ts";
import { DYN, type Type } from "./type.ts";

/** The same type; `names` tells whether parameters must have the same name. */
export function same(a: Type, b: Type, names = true): boolean {
  spend(1);
  if (a === b) return true;
  if (a.kind !== b.kind || a.params.length !== b.params.length) return false;
  if ((names || a.kind !== "param") && a.name !== b.name) return false;
  return a.params.every((one, i) => same(one, b.params[i] ?? DYN, names));
}

function isNoMoreSpecific(a: Type, b: Type): boolean {
  spend(1);
  if (a.kind === "dyn" || a.kind === "param") return true;
  if (b.kind === "dyn" || b.kind === "param" || a.kind !== b.kind) return false;
  if (a.kind === "type") return true;
  if (a.params.length === 0) return same(a, b);
  return (
    a.name === b.name &&
    a.params.length === b.params.length &&
    a.params.every((one, i) => isNoMoreSpecific(one, b.params[i] ?? DYN))
  );
}

export const mostGeneral = (a: Type, b: Type): Type => (isNoMoreSpecific(a, b) ? a : b);

const takesNull = (type: Type): boolean => ["null", "opaque", "struct", "time"].includes(type.kind);

/** What the parameters of types stand for. Mutable; what an attempt bound can be undone. */
export class Bindings {
  readonly #bound = new Map<string, Type>();
  readonly #log: [string, Type | undefined][] = [];
  #made = 0;

  /** A parameter that nothing else uses. */
  fresh(): Type {
    return { kind: "param", name: `_var${this.#made++}`, params: [] };
  }

  /** Whether `b` can be taken for `a`; binds parameters only where it can. */
  fits(a: readonly Type[], b: readonly Type[]): boolean {
    const mark = this.#log.length;
    if (a.length === b.length && a.every((one, i) => this.#fits(one, b[i] ?? DYN))) return true;
    while (this.#log.length > mark) {
      const [name, before] = this.#log.pop() ?? ["", undefined];
      if (before === undefined) this.#bound.delete(name);
      else this.#bound.set(name, before);
    }
    return false;
  }

  /** The type with what its parameters stand for; the unbound ones as they are, or dyn. */
  resolved(type: Type, isFinal = false): Type {
    spend(1);
    if (type.kind === "param") {
      const bound = this.#bound.get(type.name);
      if (bound !== undefined) return this.resolved(bound, isFinal);
      return isFinal ? DYN : type;
    }
    if (type.params.length === 0) return type;
    return { ...type, params: type.params.map((one) => this.resolved(one, isFinal)) };
  }

  #bind(param: Type, type: Type): void {
    this.#log.push([param.name, this.#bound.get(param.name)]);
    this.#bound.set(param.name, type);
  }

  /** Whether `type` may be what `param` stands for, and whether `param` stood for something before. */
  #substitutes(type: Type, param: Type): [boolean, boolean] {
    if (type.kind === "param" && type.name === param.name) return [true, true];
    const bound = this.#bound.get(param.name);
    if (bound !== undefined) {
      if (same(type, bound)) return [true, true];
      if (!this.#fits(type, bound)) return [false, true];
      const general = mostGeneral(type, bound);
      if (!this.#mentions(general, param)) this.#bind(param, general);
      return [true, true];
    }
    if (this.#mentions(type, param)) return [false, false];
    this.#bind(param, type);
    return [true, false];
  }

  #mentions(type: Type, param: Type): boolean {
    spend(1);
    if (same(type, param)) return true;
    if (type.kind === "param") {
      const bound = this.#bound.get(type.name);
      return bound !== undefined && this.#mentions(bound, param);
    }
    return type.params.some((one) => this.#mentions(one, param));
  }

  #fits(a: Type, b: Type): boolean {
    spend(1);
    if (b.kind === "param") {
      const [does, wasBound] = this.#substitutes(a, b);
      if (does || wasBound) return does;
    }
    if (a.kind === "param") return this.#substitutes(b, a)[0];
    if (a.kind === "dyn" || b.kind === "dyn") return true;
    if (a.kind === "null") return takesNull(b);
    if (b.kind === "null") return takesNull(a);
    if (a.kind === "type") return b.kind === "type";
    if (a.kind !== b.kind || a.name !== b.name || a.params.length !== b.params.length) return false;
    return a.params.every((one, i) => this.#fits(one, b.params[i] ?? DYN));
  }
}
