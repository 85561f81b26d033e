/** The timeline of a session as text: under each row what was changed, and, where that is wanted, sent and answered. */
import { parseJson } from "#core/json.ts";
import { printable } from "#core/printable.ts";
import type { LedgerRecord } from "../api.ts";
import { diffLines } from "../card.ts";
import { toYaml } from "../json.ts";
import { type TableOptions, tableLines } from "../table.ts";
import type { Diffs } from "./changes.ts";
import { indexOf } from "./records.ts";
import { shownIn } from "./tape.ts";
import { withoutSequences } from "./terminal.ts";
import { type Call, callsOf, type Row, timeline, timelineColumns } from "./timeline.ts";

export interface StoryOptions {
  diffs: Diffs;
  /** Also what was sent and answered; and what is long in full. */
  bodies: boolean;
  color: boolean;
  table: TableOptions<Row>;
}

/** Of a change, so many lines are shown without its being asked for. */
const SHOWN_LINES = 30;
/** Of a body, so much; `--json` has all of it. */
const SHOWN_CHARACTERS = 4096;
const INDENT = "    ";

/** `records` with their payloads, as far as these are shown. */
export async function story(records: readonly LedgerRecord[], options: StoryOptions): Promise<string> {
  const rows = timeline(records);
  const [header = "", ...lines] = tableLines(timelineColumns(), options.table)(rows);
  const calls = new Map(callsOf(records).map((call) => [indexOf(call.request), call]));
  const blocks = await Promise.all(
    lines.map(async (line, at) => {
      const record = rows[at]?.record ?? -1;
      const diff = options.diffs.get(String(record));
      const call = options.bodies ? calls.get(record) : undefined;
      return [
        line,
        ...(diff === undefined ? [] : changeLines(diff, options)),
        ...(call === undefined ? [] : await bodyLines(call)),
      ];
    }),
  );
  return `${[header, ...blocks.flat()].join("\n")}\n`;
}

/** A diff below the row of its write. */
export function changeLines(
  diff: string,
  { bodies, color }: Pick<StoryOptions, "bodies" | "color">,
): string[] {
  const lines = diffLines(diff, color);
  const left = bodies ? 0 : lines.length - SHOWN_LINES;
  const shown = left > 0 ? [...lines.slice(0, SHOWN_LINES), `… ${left} more lines: --bodies`] : lines;
  return shown.map((line) => INDENT + line);
}

async function bodyLines({ request, parts, response }: Call): Promise<string[]> {
  const shown = [...parts, ...(response === undefined ? [] : [response])].map(({ payload }) => payload);
  return [...(await quoted(">", [request.payload])), ...(await quoted("<", shown))];
}

/** What was sent, or shown, be it in several parts. */
async function quoted(mark: ">" | "<", payloads: readonly unknown[]): Promise<string[]> {
  const bodies = payloads.flatMap((payload) => (payload === undefined ? [] : [bodyIn(payload)]));
  const isText = bodies.length > 1 && bodies.every((body) => typeof body === "string");
  const told = await Promise.all((isText ? [bodies.join("")] : bodies).map(legible));
  return told.flatMap(cut).map((line) => `${INDENT}${mark} ${printable(line)}`);
}

function cut(text: string): string[] {
  if (text.trim() === "") return [];
  const shown = text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text.trimEnd();
  return shown.split("\n");
}

function bodyIn(payload: unknown): unknown {
  if (typeof payload === "object" && payload !== null && "body" in payload) return payload.body;
  return withoutSequences(shownIn(payload));
}

/** Objects as YAML; of bytes that are no text only how many. */
async function legible(body: unknown): Promise<string> {
  if (typeof body !== "string") return toYaml(body);
  if (body.includes("\0")) return `(${body.length} bytes, not text)`;
  try {
    return await toYaml(parseJson(body));
  } catch {
    return body;
  }
}
