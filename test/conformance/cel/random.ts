/** Random expressions, of the types that the functions' signatures say, mostly; and random objects. */
import fc, { type GeneratorValue } from "fast-check";
import { ADMISSION_WITH_PARAMS } from "#core/cel/environment.ts";
import type { Json } from "#core/cel/input.ts";
import type { Overload } from "#core/cel/types/environment.ts";
import { BOOL, DOUBLE, INT, list, map, optional, STRING, type Type, type } from "#core/cel/types/type.ts";
import type { Question } from "./ours.ts";

const KEYS = ["a", "b", "n", "s", "l", "m", "constructor", "__proto__", "x-y"];
const TEXTS = [
  ...[
    "",
    "a",
    "b",
    "abc",
    "é🙂",
    "a.b",
    "A-1",
    "10.0.0.1",
    "::1",
    "10.0.0.0/8",
    "1Gi",
    "100m",
    "1.2.3",
    "1.2.3-rc",
  ],
  ...[
    "2024-02-29T01:02:03.5Z",
    "1h30m",
    "-1.5s",
    "true",
    "12",
    "1.5",
    "^a+",
    "(",
    "%s",
    "%d",
    "http://a:1/b?c=d",
  ],
  ...["a/b", "get", " x ", "default", "dns1123Label"],
];
const INTS = [
  "0",
  "1",
  "2",
  "3",
  "-1",
  "7",
  "100",
  "9007199254740993",
  "-9223372036854775808",
  "9223372036854775807",
];
const DOUBLES = ["0.0", "1.0", "1.5", "-2.5", "1e3", "0.1", "1e300"];

const scalar = fc.oneof(
  fc.constantFrom<Json>(null, true, false, 0, 1, 2, 3, -1, 42, 1.5, -0.5, 9007199254740991),
  fc.constantFrom<Json>(...TEXTS),
);
const tree = fc.letrec<{ value: Json; object: Json }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    scalar,
    fc.array(scalar, { maxLength: 3 }),
    fc.array(fc.constantFrom<Json>(1, 2, 3), { maxLength: 4 }),
    fc.array(fc.constantFrom<Json>("a", "b", "c"), { maxLength: 4 }),
    tie("object"),
  ),
  object: fc
    .array(fc.tuple(fc.constantFrom(...KEYS), tie("value")), { maxLength: 5 })
    // Parsed, so that `__proto__` is a key like any other.
    .map((entries) =>
      JSON.parse(
        `{${entries.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(",")}}`,
      ),
    ),
}));

/** What the members of most objects are, so that most expressions have a value. */
const USUAL: ReadonlyMap<string, string> = new Map([
  ["bool", "b"],
  ["int", "n"],
  ["string", "s"],
  ["list", "l"],
  ["map", "m"],
]);
const usual = fc
  .record({
    b: fc.boolean(),
    n: fc.integer({ min: -5, max: 50 }),
    s: fc.constantFrom(...TEXTS),
    l: fc.oneof(
      fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 }),
      fc.array(fc.constantFrom(...TEXTS)),
    ),
    m: tree.object,
    a: tree.value,
  })
  .map((value): Json => value);

/** A made-up object of the cluster. */
export const object: fc.Arbitrary<Json> = fc.oneof(
  { arbitrary: usual, weight: 3 },
  { arbitrary: tree.object, weight: 1 },
);

/** Whose answers are other than values: access checks; and what a random number makes too long. */
const isLeftOut = ({ name, params, result }: Overload): boolean =>
  name === "lists.range" || [result, ...params].some(({ name: of }) => of.includes("authorization"));

const OVERLOADS = [...ADMISSION_WITH_PARAMS.functions.values()].flat().filter((one) => !isLeftOut(one));
const PLAIN: readonly Type[] = [BOOL, INT, DOUBLE, STRING, type("timestamp"), type("duration")];
const SOME: readonly Type[] = [
  ...PLAIN,
  ...[list(INT), list(STRING), map(STRING, INT), optional(INT), type("uint"), type("bytes"), type("dyn")],
  ...["kubernetes.Quantity", "net.IP", "net.CIDR", "kubernetes.Semver", "kubernetes.URL"].map(type),
];

interface Within {
  readonly depth: number;
  readonly names: readonly (readonly [string, Type])[];
}

const OPERATORS: ReadonlyMap<string, (parts: readonly string[]) => string> = new Map([
  ["_?_:_", ([a, b, c]) => `(${a} ? ${b} : ${c})`],
  ["_[_]", ([a, b]) => `${a}[${b}]`],
  ["_[?_]", ([a, b]) => `${a}[?${b}]`],
  ["@in", ([a, b]) => `(${a} in ${b})`],
  ["!_", ([a]) => `!(${a})`],
  ["-_", ([a]) => `-(${a})`],
]);

function written({ name, isMember }: Overload, parts: readonly string[]): string {
  const special = OPERATORS.get(name);
  if (special !== undefined) return special(parts);
  const infix = /^_(.+)_$/.exec(name)?.[1];
  if (infix !== undefined) return `(${parts[0]} ${infix} ${parts[1]})`;
  return isMember ? `${parts[0]}.${name}(${parts.slice(1).join(", ")})` : `${name}(${parts.join(", ")})`;
}

/** What an overload's parameters must stand for, where its result is to be of a type. */
function bound(result: Type, wanted: Type, bindings: Map<string, Type>): boolean {
  if (result.kind === "param") {
    bindings.set(result.name, wanted);
    return true;
  }
  if (result.name !== wanted.name || result.params.length > wanted.params.length) return false;
  return result.params.every((one, i) => bound(one, wanted.params[i] ?? one, bindings));
}

/** Of what is given besides `object`. */
const DECLARED: readonly (readonly [string, Type])[] = [
  ["request.name", STRING],
  ["request.dryRun", BOOL],
  ["request.userInfo.groups", list(STRING)],
  ["request.userInfo.extra.scopes[0]", STRING],
  ["namespaceObject.metadata.labels", map(STRING, STRING)],
  ["namespaceObject.metadata.creationTimestamp", type("timestamp")],
  ["params.most", INT],
  ["oldObject", type("dyn")],
];

class Generator {
  readonly #draw: GeneratorValue;

  constructor(draw: GeneratorValue) {
    this.#draw = draw;
  }

  #one<T>(values: readonly T[]): T {
    const value = values[this.#draw(fc.nat, values.length - 1)];
    if (value === undefined) throw new Error("nothing to choose from");
    return value;
  }

  #chance(percent: number): boolean {
    return this.#draw(fc.nat, 99) < percent;
  }

  expression(wanted: Type, within: Within): string {
    const type = this.#chance(4) ? this.#one(SOME) : wanted;
    const named = within.names.filter(([, of]) => of.name === type.name);
    if (named.length > 0 && this.#chance(within.names.length > DECLARED.length ? 40 : 10))
      return this.#one(named)[0];
    const field = USUAL.get(type.name);
    if (field !== undefined && this.#chance(20)) return `object.${field}`;
    if (this.#chance(8)) return this.#path(within);
    if (within.depth <= 0 || this.#chance(15)) return this.#literal(type, within);
    if (this.#chance(20)) return this.#special(type, within);
    return this.#call(type, within);
  }

  #path({ names }: Within): string {
    let path = this.#chance(25) ? this.#one(names)[0] : "object";
    const length = this.#draw(fc.nat, 3);
    for (let i = 0; i < length; i++) {
      const key = this.#one(KEYS);
      const steps = [`.${key}`, `.${key}`, `.?${key}`, `['${key}']`, "[0]", `[?'${key}']`];
      path += this.#one(key === "x-y" ? steps.slice(3) : steps);
    }
    return path;
  }

  #literal(type: Type, within: Within): string {
    const below = { ...within, depth: within.depth - 1 };
    const [first, second] = type.params;
    const many = (make: () => string): string =>
      Array.from({ length: this.#draw(fc.nat, 3) }, make).join(", ");
    const literals: Readonly<Record<string, () => string>> = {
      bool: () => this.#one(["true", "false"]),
      int: () => this.#one(INTS),
      uint: () => this.#one(["0u", "1u", "7u"]),
      double: () => this.#one(DOUBLES),
      string: () => `'${this.#one(TEXTS)}'`,
      bytes: () => this.#one(["b''", "b'a'", "b'\\xff'"]),
      null_type: () => "null",
      list: () => `[${many(() => this.expression(first ?? INT, below))}]`,
      map: () =>
        `{${many(() => `${this.expression(first ?? STRING, below)}: ${this.expression(second ?? INT, below)}`)}}`,
      optional_type: () =>
        this.#chance(30) ? "optional.none()" : `optional.of(${this.expression(first ?? INT, below)})`,
      type: () => this.#one(["int", "string", "list", "type(object)"]),
      "google.protobuf.Timestamp": () =>
        this.#one([
          "timestamp('2024-02-29T01:02:03.5Z')",
          "timestamp('9999-12-31T23:59:59Z')",
          "timestamp(0)",
        ]),
      "google.protobuf.Duration": () => this.#one(["duration('1h')", "duration('-1.5s')", "duration('1ns')"]),
      "kubernetes.Quantity": () => this.#one(["quantity('1Gi')", "quantity('100m')", "quantity('-1')"]),
      "net.IP": () => this.#one(["ip('10.0.0.1')", "ip('::1')"]),
      "net.CIDR": () => this.#one(["cidr('10.0.0.0/8')", "cidr('::/0')"]),
      "kubernetes.Semver": () => this.#one(["semver('1.2.3')", "semver('1.2.3-rc')"]),
      "kubernetes.URL": () => this.#one(["url('http://a:1/b?c=d')", "url('/x')"]),
      "kubernetes.NamedFormat": () => this.#one(["format.dns1123Label()", "format.uri()"]),
    };
    return (literals[type.name] ?? (() => this.#path(within)))();
  }

  #special(type: Type, within: Within): string {
    const below = { ...within, depth: within.depth - 1 };
    const of = (wanted: Type): string => this.expression(wanted, below);
    if (type.name === "bool")
      return this.#one([
        () => `(${of(BOOL)} && ${of(BOOL)})`,
        () => `(${of(BOOL)} || ${of(BOOL)})`,
        () => `has(object.${this.#one(KEYS.slice(0, 8))}.${this.#one(KEYS.slice(0, 8))})`,
        () => this.#loop(["all", "exists", "exists_one"], BOOL, within),
        () => this.#pairs(["all", "exists", "existsOne"], BOOL, within),
      ])();
    if (type.name === "map") return this.#pairs(["transformMap"], type.params[1] ?? INT, within);
    if (type.name === "list" && this.#chance(25))
      return this.#pairs(["transformList"], type.params[0] ?? INT, within);
    if (type.name === "list") return this.#loop(["map", "filter", "sortBy"], type.params[0] ?? INT, within);
    if (type.name === "optional_type") return this.#loop(["optMap"], type.params[0] ?? INT, within);
    return this.#call(type, within);
  }

  #loop(macros: readonly string[], body: Type, within: Within): string {
    const macro = this.#one(macros);
    const item = macro === "filter" || macro === "sortBy" ? body : this.#one([INT, STRING, type("dyn")]);
    const range = macro === "optMap" ? optional(item) : list(item);
    const name = `v${within.names.length}`;
    const inner = { depth: within.depth - 1, names: [...within.names, [name, item] as const] };
    const result = { filter: BOOL, sortBy: this.#one(PLAIN) }[macro] ?? body;
    const target = this.expression(range, { ...within, depth: within.depth - 1 });
    return `${target}.${macro}(${name}, ${this.expression(result, inner)})`;
  }

  #pairs(macros: readonly string[], body: Type, within: Within): string {
    const range = this.#one([list(INT), list(STRING), map(STRING, INT), type("dyn")]);
    const [first, second] = [`k${within.names.length}`, `v${within.names.length}`];
    const key = range.kind === "map" ? STRING : INT;
    const names = [...within.names, [first, key] as const, [second, range.params.at(-1) ?? range] as const];
    const target = this.expression(range, { ...within, depth: within.depth - 1 });
    const filter = this.#chance(20) ? `, ${this.expression(BOOL, { depth: within.depth - 1, names })}` : "";
    const step = this.expression(body, { depth: within.depth - 1, names });
    return `${target}.${this.#one(macros)}(${first}, ${second}${filter}, ${step})`;
  }

  #call(type: Type, within: Within): string {
    const fitting = OVERLOADS.filter(({ result }) => bound(result, type, new Map()));
    if (fitting.length === 0) return this.#literal(type, within);
    const overload = this.#one(fitting);
    const bindings = new Map<string, Type>();
    bound(overload.result, type, bindings);
    const below = { ...within, depth: within.depth - 1 };
    return written(
      overload,
      overload.params.map((param) => this.expression(this.#concrete(param, bindings), below)),
    );
  }

  #concrete(param: Type, bindings: Map<string, Type>): Type {
    if (param.kind === "param") {
      const known = bindings.get(param.name) ?? this.#one(PLAIN);
      bindings.set(param.name, known);
      return known;
    }
    return { ...param, params: param.params.map((one) => this.#concrete(one, bindings)) };
  }
}

function drawn(draw: GeneratorValue, names: Within["names"]): readonly [string, Type] {
  const wanted = (draw(fc.nat, 99) < 60 ? BOOL : SOME[draw(fc.nat, SOME.length - 1)]) ?? BOOL;
  return [new Generator(draw).expression(wanted, { depth: 1 + draw(fc.nat, 3), names }), wanted];
}

/** An expression, of type bool mostly, over `object` and what is declared, sometimes with `variables`. */
export const question: fc.Arbitrary<Question> = fc.gen().map((draw) => {
  if (draw(fc.nat, 9) > 0) return { expression: drawn(draw, DECLARED)[0] };
  const [one, type] = drawn(draw, DECLARED);
  const [expression] = drawn(draw, [...DECLARED, ["variables.one", type], ["variables.one", type]]);
  return { expression, composed: [{ name: "one", expression: one }] };
});

const ofType = (wanted: Type): fc.Arbitrary<string> =>
  fc
    .gen()
    .map((draw) => new Generator(draw).expression(wanted, { depth: 1 + draw(fc.nat, 3), names: DECLARED }));

/** An expression that is to be a bool, or a string; now and then it is of another type, or of none. */
export const condition: fc.Arbitrary<string> = ofType(BOOL);
export const text: fc.Arbitrary<string> = ofType(STRING);
