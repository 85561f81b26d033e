/** Field selectors of meta/v1 ListOptions, read into what they require. */
import { StatusError } from "./status.ts";

export interface FieldRequirement {
  field: string;
  operator: "=" | "!=";
  value: string;
}

/** One part of a selector: what stands before its first operator, the operator, and what stands behind it. */
const TERM = /^(.*?)(!=|==|=)(.*)$/s;

/**
 * The requirements of a field selector; all must hold. `\` escapes `,`, `=` and itself in values.
 * @throws {StatusError} BadRequest for what does not parse.
 */
export function fieldRequirements(selector: string): FieldRequirement[] {
  const terms = selector.match(/(?:\\.|[^,\\]|\\$)+/gs) ?? [];
  return terms.toSorted().flatMap((term) => {
    const [, field = "", operator, escaped = ""] = TERM.exec(term) ?? [];
    if (operator === undefined) {
      throw new StatusError("BadRequest", `invalid selector: '${selector}'; can't understand '${term}'`);
    }
    const value = unescaped(escaped);
    // As in Kubernetes: a part without a field and a value requires nothing.
    return field === "" && value === "" ? [] : [{ field, operator: operator === "!=" ? "!=" : "=", value }];
  });
}

function unescaped(text: string): string {
  const pieces = text.match(/\\.|\\$|[^\\]/gsu) ?? [];
  return pieces.map(unescapedPiece).join("");
}

function unescapedPiece(piece: string): string {
  if (piece === "," || piece === "=") {
    throw new StatusError(
      "BadRequest",
      `invalid field selector: unescaped character in value: ${piece.charCodeAt(0)}`,
    );
  }
  if (!piece.startsWith("\\")) return piece;
  if (/^\\[\\,=]$/.test(piece)) return piece.slice(1);
  throw new StatusError("BadRequest", `invalid field selector: invalid escape sequence: ${piece}`);
}
