/** What the expressions of one policy look things up in, while they judge one request. */
import { type Json, viewed } from "./input.ts";
import { type AccessCheck, type AccessDecision, authorizerValue } from "./library/authorizer.ts";
import type { Frame, Step } from "./run/frame.ts";
import { CelMap, Failure, type Value } from "./values/value.ts";

/** A program's step and how many slots it needs. */
export interface Runnable {
  readonly step: Step;
  readonly slots: number;
}

/** What an environment composes: the programs behind `variables`, by their names. */
export type Composed = ReadonlyMap<string, Runnable>;

/** Of one evaluation: what Kubernetes' cost limit has room for. */
const MOST_CHECKS = 2;
/** Nothing is written to it: an expression without loops has no variables of loops. */
const NO_SLOTS: Value[] = [];
const TOO_MANY = new Failure("too many access checks");

const keyOf = (check: AccessCheck): string => {
  const { serviceAccount, ...rest } = check;
  const entries = Object.entries({ ...rest, of: serviceAccount }).filter(([, part]) => part !== undefined);
  return JSON.stringify(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
};

/** `variables`: each evaluated when it is first asked for, and then kept, its failure as well. */
class Variables extends CelMap {
  readonly #programs: Composed;
  readonly #run: (program: Runnable) => Value;
  readonly #known = new Map<string, Value>();

  constructor(programs: Composed, run: (program: Runnable) => Value) {
    super();
    this.#programs = programs;
    this.#run = run;
  }

  get size(): number {
    return this.#programs.size;
  }

  override find(name: Value): Value | undefined {
    const program = typeof name === "string" ? this.#programs.get(name) : undefined;
    if (typeof name !== "string" || program === undefined) return undefined;
    let value = this.#known.get(name);
    if (value === undefined) {
      value = this.#run(program);
      this.#known.set(name, value);
    }
    return value instanceof Failure ? new Failure(value.message) : value;
  }

  override keys(): Iterable<Value> {
    return this.#programs.keys();
  }
}

/**
 * Variables that several scopes share, such as those of all policies that judge one request: each is made and
 * converted when it is first asked for, once.
 */
export class Inputs {
  readonly #makers: ReadonlyMap<string, () => Value>;
  readonly #others: Inputs | undefined;
  readonly #values = new Map<string, Value>();
  /** What paths from them came to. */
  readonly paths = new Map<string, Value>();

  /** What `makers` does not have is looked up in `others`. */
  constructor(makers: ReadonlyMap<string, () => Value>, others?: Inputs) {
    this.#makers = makers;
    this.#others = others;
  }

  find(name: string): Value | undefined {
    const known = this.#values.get(name);
    if (known !== undefined) return known;
    const make = this.#makers.get(name);
    if (make === undefined) return this.#others?.find(name);
    const value = make();
    this.#values.set(name, value);
    return value;
  }
}

/** Inputs of parsed JSON. */
function inputs(given: ReadonlyMap<string, Json>): Inputs {
  return new Inputs(new Map([...given].map(([name, json]) => [name, () => viewed(json)])));
}

/**
 * The values of the environment's variables for one request, converted when touched. Keeps what `variables` and
 * access checks came to: use one for each policy and request, and throw it away.
 */
export class Scope {
  readonly #given: Inputs;
  /** Of `variables` and what asks for access; the others are kept by whoever gives them. */
  #values: Map<string, Value> | undefined;
  #answers: Map<string, AccessDecision> | undefined;
  #composed: Composed | undefined;
  /** Of all expressions without loops. */
  #frame: Frame = { slots: NO_SLOTS, variable: () => undefined, paths: new Map() };
  /** Access checks of the evaluation going on. */
  #checks = 0;
  readonly #requested: Omit<AccessCheck, "verb">;

  /** `requested` is what `authorizer.requestResource` asks about. */
  constructor(given: ReadonlyMap<string, Json> | Inputs, requested: Omit<AccessCheck, "verb"> = {}) {
    this.#given = given instanceof Inputs ? given : inputs(given);
    this.#requested = requested;
  }

  /** Notes the answer to an access check, for the evaluations after. */
  answer(check: AccessCheck, decision: AccessDecision): void {
    this.#answers ??= new Map();
    this.#answers.set(keyOf(check), decision);
  }

  /** Evaluates a program; the programs of `variables` are evaluated in the same scope. */
  run({ step, slots }: Runnable, composed: Composed): Value {
    if (this.#composed !== composed) {
      this.#composed = composed;
      const variable = (name: string) => {
        const given = this.#given.find(name);
        return given === undefined ? this.#variable(name, composed) : given;
      };
      this.#frame = { slots: NO_SLOTS, variable, paths: this.#given.paths };
    }
    const { variable, paths } = this.#frame;
    const before = this.#checks;
    this.#checks = 0;
    const frame = slots === 0 ? this.#frame : { slots: new Array(slots).fill(null), variable, paths };
    const value = step(frame);
    this.#checks = before;
    return value;
  }

  #variable(name: string, composed: Composed): Value | undefined {
    const known = this.#values?.get(name);
    if (known !== undefined) return known;
    const value = this.#made(name, composed);
    this.#values ??= new Map();
    if (value !== undefined) this.#values.set(name, value);
    return value;
  }

  #made(name: string, composed: Composed): Value | undefined {
    if (name === "variables") return new Variables(composed, (program) => this.run(program, composed));
    return authorizerValue(name, this.#requested, (check) =>
      ++this.#checks > MOST_CHECKS ? TOO_MANY : this.#answers?.get(keyOf(check)),
    );
  }
}
