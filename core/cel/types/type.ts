/** CEL's types, and how the signatures of functions write them. */

export type Kind =
  | "dyn"
  | "null"
  | "plain"
  | "time"
  | "list"
  | "map"
  | "type"
  | "opaque"
  | "struct"
  | "param";

export interface Type {
  readonly kind: Kind;
  /** Of its values at run time, too. */
  readonly name: string;
  readonly params: readonly Type[];
}

const basic = (kind: Kind, name: string): Type => ({ kind, name, params: [] });

export const DYN = basic("dyn", "dyn");
export const NULL = basic("null", "null_type");
export const BOOL = basic("plain", "bool");
export const INT = basic("plain", "int");
export const UINT = basic("plain", "uint");
export const DOUBLE = basic("plain", "double");
export const STRING = basic("plain", "string");
export const BYTES = basic("plain", "bytes");
export const TIMESTAMP = basic("time", "google.protobuf.Timestamp");
export const DURATION = basic("time", "google.protobuf.Duration");

export const list = (item: Type): Type => ({ kind: "list", name: "list", params: [item] });
export const map = (key: Type, value: Type): Type => ({ kind: "map", name: "map", params: [key, value] });
export const optional = (value: Type): Type => ({ kind: "opaque", name: "optional_type", params: [value] });
export const typeOf = (type: Type): Type => ({ kind: "type", name: "type", params: [type] });
export const param = (name: string): Type => basic("param", name);
export const struct = (name: string): Type => basic("struct", name);

const BASIC: ReadonlyMap<string, Type> = new Map([
  ...[DYN, BOOL, INT, UINT, DOUBLE, STRING, BYTES].map((type): [string, Type] => [type.name, type]),
  ["null", NULL],
  ["timestamp", TIMESTAMP],
  ["duration", DURATION],
  ["type", basic("type", "type")],
]);
const COMPOSED: ReadonlyMap<string, (params: readonly Type[]) => Type> = new Map([
  ["list", ([item]) => list(item ?? DYN)],
  ["map", ([key, value]) => map(key ?? DYN, value ?? DYN)],
  ["optional", ([value]) => optional(value ?? DYN)],
  ["type", ([type]) => typeOf(type ?? DYN)],
]);

function parts(text: string): string[] {
  const all: string[] = [];
  let [depth, start] = [0, 0];
  for (let i = 0; i <= text.length; i++) {
    const letter = text.charAt(i);
    if (letter === "<") depth++;
    else if (letter === ">") depth--;
    else if ((letter === "," && depth === 0) || i === text.length) {
      all.push(text.slice(start, i).trim());
      start = i + 1;
    }
  }
  return all.filter((part) => part !== "");
}

/** `map<string, list<T>>`, where one capital letter is a parameter and what is not CEL's own an object type. */
export function type(text: string): Type {
  if (/^[A-Z]$/.test(text)) return param(text);
  const composed = /^(\w+)<(.*)>$/.exec(text);
  if (composed !== null) {
    const make = COMPOSED.get(composed[1] ?? "");
    if (make === undefined) throw new Error(`no such type: ${text}`);
    return make(parts(composed[2] ?? "").map(type));
  }
  return BASIC.get(text) ?? struct(text);
}

export interface Signature {
  readonly name: string;
  /** Whether it is called on its first parameter. */
  readonly isMember: boolean;
  readonly params: readonly Type[];
  readonly result: Type;
}

/** `string.find(string): string` is called on a string; `sets.contains(…)`, in lower case before a dot, is not: see `namespaces`. */
export function signature(text: string, namespaces: ReadonlySet<string>): Signature {
  const match = /^(?:([^(]+)\.)?([^.(]+)\((.*)\): (.+)$/.exec(text);
  if (match === null) throw new Error(`no signature: ${text}`);
  const [, before, name = "", params = "", result = ""] = match;
  const isMember = before !== undefined && !namespaces.has(before);
  const given = parts(params).map(type);
  return {
    name: before === undefined || isMember ? name : `${before}.${name}`,
    isMember,
    params: isMember ? [type(before), ...given] : given,
    result: type(result),
  };
}

/** As messages write it. */
export function shown({ name, params }: Type): string {
  return params.length === 0 ? name : `${name}(${params.map(shown).join(", ")})`;
}
