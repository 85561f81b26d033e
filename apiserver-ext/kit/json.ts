/**
 * JSON as a server must read it: what `JSON.parse` hides (keys given twice, integers it rounds) is found with its path,
 * and nesting is bounded while reading. Syntax errors are worded as Go words them and never quote values.
 */
import { child, item } from "./path.ts";

export type Reading =
  /** `duplicates` are the paths of fields that were given more than once; the last one counts. */
  | { outcome: "read"; value: unknown; duplicates: readonly string[] }
  /** Not JSON. */
  | { outcome: "malformed"; why: string }
  /** JSON that is not taken; the reason goes on after "the body of the request ". */
  | { outcome: "refused"; why: string };

export const DEEPEST = 100;

/**
 * An integer that a JavaScript number cannot hold would come back as another one. Nothing downstream (hooks, defaults,
 * comparisons) could be trusted with two kinds of numbers, so it is refused instead of kept or rounded.
 */
export function inexactInteger(path: string): string {
  return `has an integer at ${JSON.stringify(path)} that is beyond ±${Number.MAX_SAFE_INTEGER}`;
}

export function outOfRange(path: string): string {
  return `has a number at ${JSON.stringify(path)} that is out of range`;
}

export const PROTOTYPE = "__proto__";

export function hasPrototypeField(path: string): string {
  return `has a field named "${PROTOTYPE}" at ${JSON.stringify(path)}`;
}

export const TOO_DEEP = "is nested too deeply";

export function readJson(text: string): Reading {
  const reader = new Reader(text);
  try {
    const value = reader.document();
    return { outcome: "read", value, duplicates: [...reader.duplicates] };
  } catch (error) {
    if (error instanceof Stopped) return { outcome: error.outcome, why: error.message };
    throw error;
  }
}

const NO_BLANK = /^(after decimal point|in (literal|numeric literal|exponent|string escape|\\u))/;
/** What a number that ends here may not end with, and what it is called. */
const UNFINISHED = [
  [/\.(?!\d)/y, "after decimal point in numeric literal"],
  [/[eE][+-]?(?!\d)/y, "in exponent of numeric literal"],
] as const;

class Stopped extends Error {
  readonly outcome: "malformed" | "refused";

  constructor(outcome: "malformed" | "refused", why: string) {
    super(why);
    this.outcome = outcome;
  }
}

/** As many are told, and no more. */
const MOST_DUPLICATES = 100;

const SPACE = /[ \t\n\r]*/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: what a string may not hold unescaped
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const LITERALS: Readonly<Record<string, unknown>> = { true: true, false: false, null: null };

class Reader {
  readonly duplicates = new Set<string>();
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): unknown {
    const value = this.#value("", 0);
    if (this.#next() !== "") throw this.#unexpected("after top-level value");
    return value;
  }

  /** The next character that is no space, "" at the end. */
  #next(): string {
    this.#match(SPACE);
    return this.#text.charAt(this.#at);
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const [found] = pattern.exec(this.#text) ?? [];
    this.#at += found?.length ?? 0;
    return found;
  }

  #value(path: string, depth: number): unknown {
    if (depth > DEEPEST) throw new Stopped("refused", TOO_DEEP);
    const next = this.#next();
    if (next === "{") return this.#object(path, depth);
    if (next === "[") return this.#array(path, depth);
    if (next === '"') return this.#string();
    if (next === "-" || (next >= "0" && next <= "9")) return this.#number(path);
    return this.#literal(next);
  }

  #object(path: string, depth: number): Record<string, unknown> {
    const object: Record<string, unknown> = {};
    this.#at++;
    if (this.#next() === "}") return this.#closed(object);
    for (;;) {
      if (this.#next() !== '"') throw this.#unexpected("looking for beginning of object key string");
      const key = this.#string();
      const at = child(path, key);
      if (key === PROTOTYPE) throw new Stopped("refused", hasPrototypeField(at));
      if (Object.hasOwn(object, key) && this.duplicates.size < MOST_DUPLICATES) this.duplicates.add(at);
      if (this.#next() !== ":") throw this.#unexpected("after object key");
      this.#at++;
      object[key] = this.#value(at, depth + 1);
      const end = this.#next();
      if (end === "}") return this.#closed(object);
      if (end !== ",") throw this.#unexpected("after object key:value pair");
      this.#at++;
    }
  }

  #array(path: string, depth: number): unknown[] {
    const array: unknown[] = [];
    this.#at++;
    if (this.#next() === "]") return this.#closed(array);
    for (;;) {
      array.push(this.#value(item(path, array.length), depth + 1));
      const end = this.#next();
      if (end === "]") return this.#closed(array);
      if (end !== ",") throw this.#unexpected("after array element");
      this.#at++;
    }
  }

  #closed<T>(container: T): T {
    this.#at++;
    return container;
  }

  #string(): string {
    const start = this.#at++;
    let isPlain = true;
    for (;;) {
      this.#match(PLAIN);
      const next = this.#text.charAt(this.#at);
      if (next === '"') break;
      if (next !== "\\") throw this.#unexpected("in string literal");
      isPlain = false;
      if (this.#match(ESCAPE) === undefined) throw this.#brokenEscape();
    }
    const quoted = this.#text.slice(start, ++this.#at);
    // Half a surrogate pair is no character; Go makes the same of it.
    return isPlain ? quoted.slice(1, -1) : (JSON.parse(quoted) as string).toWellFormed();
  }

  #brokenEscape(): Stopped {
    const isUnicode = this.#text.charAt(this.#at + 1) === "u";
    this.#at += isUnicode ? 2 : 1;
    if (!isUnicode) return this.#unexpected("in string escape code");
    this.#match(/[0-9a-fA-F]*/y);
    return this.#unexpected("in \\u hexadecimal character escape");
  }

  #number(path: string): number {
    const found = this.#match(NUMBER);
    if (found === undefined) {
      this.#at++;
      throw this.#unexpected("in numeric literal");
    }
    for (const [end, what] of UNFINISHED) if (this.#match(end) !== undefined) throw this.#unexpected(what);
    const value = Number(found);
    if (/^-?\d+$/.test(found) && !Number.isSafeInteger(value))
      throw new Stopped("refused", inexactInteger(path));
    if (!Number.isFinite(value)) throw new Stopped("refused", outOfRange(path));
    return value;
  }

  #literal(first: string): unknown {
    const word = Object.keys(LITERALS).find((each) => first !== "" && each.startsWith(first));
    if (word === undefined) throw this.#unexpected("looking for beginning of value");
    for (const [index, letter] of [...word].entries()) {
      if (this.#text.charAt(this.#at) !== letter)
        throw this.#unexpected(`in literal ${word} (expecting '${word.charAt(index)}')`);
      this.#at++;
    }
    return LITERALS[word];
  }

  #unexpected(where: string): Stopped {
    // Go reads on at the end as if a blank stood there, which most places take.
    const character = this.#text.charAt(this.#at) || (NO_BLANK.test(where) ? " " : "");
    if (character === "") return new Stopped("malformed", "unexpected end of JSON input");
    const quoted =
      character === "'" ? "\\'" : character === '"' ? '"' : JSON.stringify(character).slice(1, -1);
    return new Stopped("malformed", `invalid character '${quoted}' ${where}`);
  }
}
