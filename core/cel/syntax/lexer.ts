/** CEL's tokens, as its grammar has them. */
import { Uint } from "../values/value.ts";
import { bytesOf, textOf } from "./literals.ts";
import { Refusal } from "./refusal.ts";
import type { Constant } from "./tree.ts";

export type Token = { readonly at: number } & (
  | { readonly kind: "name" | "sign"; readonly text: string }
  | { readonly kind: "value"; readonly value: Constant }
  /** An integer without its sign, which may be one too many for an int. */
  | { readonly kind: "integer"; readonly value: bigint }
  | { readonly kind: "end" }
);

const SPACE = /(?:[\t \r\n\f]+|\/\/[^\n]*)+/y;
const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
const FLOAT = /(?:[0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+|\.[0-9]+(?:[eE][+-]?[0-9]+)?)/y;
const INTEGER = /(?:0x[0-9a-fA-F]+|[0-9]+)([uU])?/y;
const SIGN = /(?:==|!=|<=|>=|&&|\|\||[-+*/%<>!()[\]{}.,:?])/y;
const ESCAPE = String.raw`\\(?:[abfnrtv"'\\?${"`"}]|[0-3][0-7]{2}|[xX][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})`;
const RAW = /(b|B)?(?:r|R)("""[\s\S]*?"""|'''[\s\S]*?'''|"[^"\n\r]*"|'[^'\n\r]*')/y;
const QUOTED = new RegExp(
  String.raw`(b|B)?("""(?:${ESCAPE}|[^\\])*?"""|'''(?:${ESCAPE}|[^\\])*?'''|"(?:${ESCAPE}|[^\\"\n\r])*"|'(?:${ESCAPE}|[^\\'\n\r])*')`,
  "y",
);
const WORDS: ReadonlyMap<string, Constant> = new Map([
  ["true", true],
  ["false", false],
  ["null", null],
]);
const MAX_UINT = 2n ** 64n - 1n;

function inner(quoted: string): string {
  const length = quoted.startsWith('"""') || quoted.startsWith("'''") ? 3 : 1;
  return quoted.slice(length, -length).replace(/\r\n?/g, "\n");
}

const found = (pattern: RegExp, text: string, at: number): RegExpExecArray | null => {
  pattern.lastIndex = at;
  return pattern.exec(text);
};

interface Scanned {
  readonly token: Token;
  readonly end: number;
}

function quotedAt(text: string, at: number): Scanned | undefined {
  const raw = found(RAW, text, at);
  const match = raw ?? found(QUOTED, text, at);
  if (match === null) return undefined;
  const content = inner(match[2] ?? "");
  const unescaped = match[1] === undefined ? textOf(content, raw !== null) : bytesOf(content, raw !== null);
  if (unescaped === undefined) throw new Refusal("no code point of Unicode in a string", at);
  return { token: { kind: "value", value: unescaped, at }, end: at + match[0].length };
}

function numberAt(text: string, at: number): Scanned | undefined {
  const float = found(FLOAT, text, at);
  if (float !== null) {
    const value = Number(float[0]);
    if (!Number.isFinite(value)) throw new Refusal("double literal out of range", at);
    return { token: { kind: "value", value, at }, end: at + float[0].length };
  }
  const integer = found(INTEGER, text, at);
  if (integer === null) return undefined;
  const value = BigInt(integer[0].replace(/[uU]$/, ""));
  const end = at + integer[0].length;
  if (integer[1] === undefined) return { token: { kind: "integer", value, at }, end };
  if (value > MAX_UINT) throw new Refusal("uint literal out of range", at);
  return { token: { kind: "value", value: new Uint(value), at }, end };
}

function scanned(text: string, at: number): Scanned {
  if (at === text.length) return { token: { kind: "end", at }, end: at };
  const special = quotedAt(text, at) ?? numberAt(text, at);
  if (special !== undefined) return special;
  const name = found(NAME, text, at)?.[0];
  if (name !== undefined) {
    const value = WORDS.get(name);
    const kind = name === "in" ? "sign" : "name";
    const token: Token = value === undefined ? { kind, text: name, at } : { kind: "value", value, at };
    return { token, end: at + name.length };
  }
  const sign = found(SIGN, text, at)?.[0];
  if (sign === undefined) throw new Refusal("unexpected character", at);
  return { token: { kind: "sign", text: sign, at }, end: at + sign.length };
}

/** The tokens of an expression, the last of them its end. Throws a Refusal. */
export function tokens(text: string): Token[] {
  if (!text.isWellFormed()) throw new Refusal("not Unicode", 0);
  const all: Token[] = [];
  for (let at = 0; ; ) {
    at += found(SPACE, text, at)?.[0].length ?? 0;
    const { token, end } = scanned(text, at);
    all.push(token);
    if (token.kind === "end") return all;
    at = end;
  }
}
