/**
 * Hides what looks like a secret in text of any kind: `[masked: password]`. What that is, is told in tables by its kind, in
 * patterns/. Most texts hold no hint of any, and are done after one look.
 */

import { ACCESS_KEY, PRIVATE_KEYS } from "./patterns/keys.ts";
import { LABELLED, PAIRS } from "./patterns/named.ts";
import { BASIC, HASHES, IN_ADDRESSES, OF_DRIVERS } from "./patterns/passwords.ts";
import type { Groups, Pattern } from "./patterns/pattern.ts";
import { AUTHORIZATION, COOKIE, SIGNATURE } from "./patterns/requests.ts";
import { BOOTSTRAP, BOOTSTRAP_HINT, JWT, TOKENS } from "./patterns/tokens.ts";

/** Each is given what those before it left: what is known by its own form comes before what is only known by its name. */
const IN_ORDER: readonly Pattern[] = [
  ...[JWT, PAIRS, BASIC],
  ...PRIVATE_KEYS,
  IN_ADDRESSES,
  ...AUTHORIZATION,
  ACCESS_KEY,
  ...TOKENS,
  BOOTSTRAP,
  ...OF_DRIVERS,
  ...[HASHES, SIGNATURE, COOKIE],
  ...LABELLED,
];

/** Where in the order the patterns of each hint stand. */
const PLACES = new Map<string, number[]>();
for (const [place, { hints }] of IN_ORDER.entries())
  for (const hint of hints) PLACES.set(hint, [...(PLACES.get(hint) ?? []), place]);

/** In lower case. A text without any of them holds no secret but bootstrap tokens, which have no hint but their dot. */
export const HINTS = [...PLACES.keys()].filter((hint) => hint !== BOOTSTRAP_HINT);

/** May what looks like a secret be shown all the same? */
type Spares = (secret: string) => boolean;

/** The text with everything that looks like a secret replaced, except what is spared. How long it was is not told. */
export function maskText(text: string, spares: Spares = () => false): string {
  const found = hintsIn(text);
  if (found.size === 0) return text;
  const places = new Set([...found].flatMap((hint) => PLACES.get(hint) ?? []));
  const inOrder = [...places].sort((one, other) => one - other);
  return inOrder.reduce((masked, place) => {
    const pattern = IN_ORDER[place];
    return pattern === undefined ? masked : without(pattern, masked, spares);
  }, text);
}

function without({ kind, find, isSecret }: Pattern, text: string, spares: Spares): string {
  return text.replace(find, (...match: unknown[]) => {
    const found = String(match[0]);
    // Where the expression names no groups this is the text itself, which has no such members either.
    const groups = match.at(-1) as Groups;
    const { keep = "", quote = "" } = groups;
    const secret = found.slice(keep.length + quote.length);
    const isShown = isSecret?.(secret, groups) === false || spares(secret);
    return isShown ? found : `${keep}${quote}[masked: ${kind}]`;
  });
}

/**
 * The hints by their first three characters. Of each character only five bits count: `a` and `A` have the same, and so
 * the text need not be put in lower case to be looked at.
 */
const BY_BEGINNING = new Map<number, readonly string[]>();
const IS_BEGINNING = new Uint8Array(1 << 15);
for (const hint of HINTS) {
  const beginning = [0, 1, 2].reduce((bits, at) => withCharacter(bits, hint.charCodeAt(at)), 0);
  BY_BEGINNING.set(beginning, [...(BY_BEGINNING.get(beginning) ?? []), hint]);
  IS_BEGINNING[beginning] = 1;
}

function withCharacter(bits: number, code: number): number {
  return ((bits << 5) | (code & 31)) & 0x7fff;
}

/** As much of a bootstrap token as is sought by itself: with the rest, it would be tried at each letter of every text. */
const BEHIND_DOT = /\.[a-z0-9]{16}/;
const NO_HINTS: ReadonlySet<string> = new Set();

function hintsIn(text: string): ReadonlySet<string> {
  let found: Set<string> | undefined;
  let bits = 0;
  for (let at = 0; at < text.length; at++) {
    bits = withCharacter(bits, text.charCodeAt(at));
    if (IS_BEGINNING[bits] !== 1) continue;
    for (const hint of BY_BEGINNING.get(bits) ?? [])
      if (!found?.has(hint) && isAt(text, at - 2, hint)) found = (found ?? new Set()).add(hint);
  }
  if (text.includes(".") && BEHIND_DOT.test(text)) found = (found ?? new Set()).add(BOOTSTRAP_HINT);
  return found ?? NO_HINTS;
}

function isAt(text: string, from: number, hint: string): boolean {
  return from >= 0 && text.slice(from, from + hint.length).toLowerCase() === hint;
}
