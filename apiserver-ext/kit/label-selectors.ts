/** The grammar of label selectors, refused in the words of k8s.io/apimachinery's `labels` package. */
import { labelValueErrors, qualifiedNameErrors } from "./names.ts";

export type LabelOperator = "In" | "NotIn" | "Exists" | "DoesNotExist" | "GreaterThan" | "LessThan";

export interface LabelRequirement {
  key: string;
  operator: LabelOperator;
  values: readonly string[];
}

/** Why it is no label selector; the message is for the client. */
export class LabelSelectorError extends Error {}

interface Token {
  kind: "word" | "symbol" | "end";
  text: string;
}

const TOKEN = /==|!=|[=!><(),]|[^\s=!><(),]+/g;
const END: Token = { kind: "end", text: "" };

const BINARY: Readonly<Record<string, LabelOperator>> = {
  in: "In",
  notin: "NotIn",
  "=": "In",
  "==": "In",
  "!=": "NotIn",
  ">": "GreaterThan",
  "<": "LessThan",
};
const BINARY_WORDS = "in, notin, =, ==, !=, gt, lt";

/**
 * All of them must hold.
 * @throws {LabelSelectorError}
 */
export function labelRequirements(selector: string): LabelRequirement[] {
  const tokens = [...selector.matchAll(TOKEN)].map(([text]): Token => {
    return { kind: /^[=!><(),]/.test(text) ? "symbol" : "word", text };
  });
  return new Parser(tokens).selector().toSorted((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
}

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  get #next(): Token {
    return this.#tokens[this.#at] ?? END;
  }

  #take(): Token {
    const token = this.#next;
    this.#at++;
    return token;
  }

  selector(): LabelRequirement[] {
    const requirements: LabelRequirement[] = [];
    if (this.#next.kind === "end") return requirements;
    if (!beginsRequirement(this.#next))
      throw found(this.#next, ", expected: !, identifier, or 'end of string'");
    for (;;) {
      requirements.push(this.#requirement());
      const token = this.#take();
      if (token.kind === "end") return requirements;
      if (token.text !== ",") throw found(token, ", expected: ',' or 'end of string'");
      if (!beginsRequirement(this.#next)) throw found(this.#next, ", expected: identifier after ','");
    }
  }

  #requirement(): LabelRequirement {
    try {
      return this.#keyAndRest();
    } catch (error) {
      if (!(error instanceof LabelSelectorError)) throw error;
      throw new LabelSelectorError(`unable to parse requirement: ${error.message}`);
    }
  }

  #keyAndRest(): LabelRequirement {
    const isNegated = this.#next.text === "!";
    if (isNegated) this.#take();
    const key = this.#take();
    if (key.kind !== "word") throw found(key, ", expected: identifier");
    const errors = qualifiedNameErrors(key.text);
    if (errors.length > 0) throw wrong("<nil>", key.text, errors.join("; "));
    const base = { key: key.text, values: [] };
    if (isNegated) return { ...base, operator: "DoesNotExist" };
    if (this.#next.kind === "end" || this.#next.text === ",") return { ...base, operator: "Exists" };
    const token = this.#take();
    const operator = Object.hasOwn(BINARY, token.text) ? BINARY[token.text] : undefined;
    if (operator === undefined) throw found(token, `, expected: ${BINARY_WORDS}`);
    const values = token.kind === "word" ? this.#values() : [this.#value()];
    return checked({ key: key.text, operator, values });
  }

  #value(): string {
    if (this.#next.kind === "end" || this.#next.text === ",") return "";
    const token = this.#take();
    if (token.kind !== "word") throw found(token, ", expected: identifier");
    return token.text;
  }

  /** `(a,b)`: an empty place between commas is the empty value. */
  #values(): string[] {
    const open = this.#take();
    if (open.text !== "(") throw found(open, " expected: '('");
    const { kind, text } = this.#next;
    if (kind !== "word" && text !== "," && text !== ")")
      throw found(this.#next, ", expected: ',', ')' or identifier");
    const values = new Set([this.#listed()]);
    for (;;) {
      const token = this.#take();
      if (token.text === ")") return [...values].toSorted();
      if (token.text !== ",") throw found(token, ", expected: ',' or ')'");
      values.add(this.#listed());
    }
  }

  #listed(): string {
    const { kind, text } = this.#next;
    if (kind === "word") return this.#take().text;
    if (text === "," || text === ")") return "";
    throw found(this.#next, ", expected: ',', or identifier");
  }
}

function beginsRequirement({ kind, text }: Token): boolean {
  return kind === "word" || text === "!";
}

function checked(requirement: LabelRequirement): LabelRequirement {
  const { key, operator, values } = requirement;
  const isOrdered = operator === "GreaterThan" || operator === "LessThan";
  const errors = values.flatMap((value, index) => {
    const wrongs = labelValueErrors(value);
    return [
      ...(isOrdered && !isInteger(value)
        ? [wrong(`values[${index}]`, value, "for 'Gt', 'Lt' operators, the value must be an integer")]
        : []),
      ...(wrongs.length > 0 ? [wrong(`values[${index}][${key}]`, value, wrongs.join("; "))] : []),
    ];
  });
  const [first, ...more] = errors;
  if (first === undefined) return requirement;
  if (more.length === 0) throw first;
  throw new LabelSelectorError(`[${errors.map(({ message }) => message).join(", ")}]`);
}

function found({ text }: Token, expected: string): LabelSelectorError {
  return new LabelSelectorError(`found '${text}'${expected}`);
}

function wrong(field: string, value: string, why: string): LabelSelectorError {
  return new LabelSelectorError(`${field}: Invalid value: ${JSON.stringify(value)}: ${why}`);
}

export function isInteger(text: string | undefined): text is string {
  return text !== undefined && /^[+-]?\d{1,19}$/.test(text);
}
