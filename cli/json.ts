/** JSON and YAML as `-o` prints them: raw data, but nothing that a terminal would act on. */
import type { ScalarTag } from "yaml";
import { ExactNumber } from "#core/admission.ts";
import { parseJson } from "#core/json.ts";
import { ApiError } from "./failure.ts";

/** What `printable` escapes too, but line feeds, which only part the lines of the output itself. */
const UNSAFE = /(?!\n)[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u{2800}]|(?! )\p{Zs}/gu;

/** Indented JSON, one newline at its end. */
export function toJson(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2).replace(UNSAFE, utf16Escapes)}\n`;
}

export async function toYaml(value: unknown): Promise<string> {
  const { Document, visit } = await import("yaml");
  const document = new Document(value, {
    aliasDuplicateObjects: false,
    customTags: [EXACT_NUMBER],
    // Quotes what parsers of the older standard, kubectl's among them, would not take for text: yes, 2026-11-21.
    compat: "yaml-1.1",
  });
  visit(document, {
    Scalar: (_, node) => {
      // Only in double quotes can a character be written as an escape.
      if (typeof node.value === "string" && node.value.search(UNSAFE) >= 0) node.type = "QUOTE_DOUBLE";
    },
  });
  return document
    .toString({ lineWidth: 0, doubleQuotedMinMultiLineLength: Number.MAX_SAFE_INTEGER })
    .replace(UNSAFE, yamlEscape);
}

const EXACT_NUMBER: ScalarTag = {
  tag: "tag:yaml.org,2002:float",
  default: true,
  identify: (value) => value instanceof ExactNumber,
  resolve: Number,
  stringify: ({ value }) => (value instanceof ExactNumber ? value.text : String(value)),
};

function utf16Escapes(character: string): string {
  return [...Array(character.length).keys()].map((at) => `\\u${hex(character.charCodeAt(at), 4)}`).join("");
}

function yamlEscape(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return code > 0xffff ? `\\U${hex(code, 8)}` : `\\u${hex(code, 4)}`;
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, "0");
}

/** A proxy in between may answer in HTML, and a connection may break in the middle of a line. */
export function readJson(text: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    throw new ApiError(
      "",
      `the server's answer cannot be read: ${error instanceof Error ? error.message : error}`,
    );
  }
}
