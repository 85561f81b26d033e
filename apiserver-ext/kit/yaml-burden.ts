/** What of YAML would keep its parser busy for seconds, told beforehand by the lexer, which is far cheaper. */
import { Lexer } from "yaml";
import { DEEPEST, TOO_DEEP } from "./json.ts";

const MOST_TOKENS = 50_000;
const MOST_PROPERTIES = 2;
const MOST_ALIASES = 1000;

/** How much of what nests or repeats is open at a token. */
interface Burden {
  tokens: number;
  /** Lists and maps in brackets. */
  brackets: number;
  /** In a row on one line they nest: `- - -`. */
  indicators: number;
  /** Anchors and tags in a row: the parser compares each with all before. */
  properties: number;
  aliases: number;
}

/** Why the text is not parsed; undefined: it may be. */
export function yamlBurden(text: string): string | undefined {
  let burden: Burden = { tokens: 0, brackets: 0, indicators: 0, properties: 0, aliases: 0 };
  for (const token of new Lexer().lex(text)) {
    burden = after(burden, token);
    const why = tooMuch(burden);
    if (why !== undefined) return why;
  }
  return undefined;
}

function after({ tokens, brackets, indicators, properties, aliases }: Burden, token: string): Burden {
  const kind = kindOf(token);
  const isBlank = kind === "space" || kind === "newline";
  return {
    tokens: tokens + 1,
    brackets: brackets + (BRACKETS.get(token) ?? 0),
    indicators: kind === "indicator" ? indicators + 1 : kind === "space" ? indicators : 0,
    properties: kind === "property" ? properties + 1 : isBlank ? properties : 0,
    aliases: aliases + (token.startsWith("*") ? 1 : 0),
  };
}

const BRACKETS: ReadonlyMap<string, number> = new Map([
  ["[", 1],
  ["{", 1],
  ["]", -1],
  ["}", -1],
]);

function kindOf(token: string): "space" | "newline" | "indicator" | "property" | "content" {
  if (/^\s+$/.test(token)) return token.includes("\n") ? "newline" : "space";
  if (token === "-" || token === "?" || token === ":") return "indicator";
  return token.startsWith("&") || token.startsWith("!") ? "property" : "content";
}

function tooMuch({ tokens, brackets, indicators, properties, aliases }: Burden): string | undefined {
  if (brackets > DEEPEST || indicators > DEEPEST) return TOO_DEEP;
  if (properties > MOST_PROPERTIES) return "has too many anchors or tags in a row";
  if (aliases > MOST_ALIASES) return "has too many aliases";
  return tokens > MOST_TOKENS ? "has too many parts to be YAML: send JSON" : undefined;
}
