/** Events of one watch, as they are shown. Of its tables only the first says what the columns are. */
import { isObject, type Json } from "#core/admission.ts";
import { describesColumns, secretColumns } from "#core/mask.ts";
import { type Masks, maskedEvent, unmaskable } from "./mask-answer.ts";
import { shownLine } from "./told-to-many.ts";

const TABLE = /"kind"\s*:\s*"Table"/;

export class ToldEvents {
  #columns: ReadonlySet<number> = new Set();

  /** One event, and the end of its line. */
  shown(line: string, masks: Masks): Buffer {
    if (masks.ofSecrets || !TABLE.test(line)) return shownLine(line, masks);
    const table = tableIn(line);
    if (isObject(table) && describesColumns(table)) this.#columns = secretColumns(table);
    return Buffer.from(`${maskedEvent(line, { ...masks, columns: this.#columns })}\n`);
  }
}

function tableIn(line: string): Json {
  try {
    const event: Json = JSON.parse(line);
    return isObject(event) ? (event["object"] ?? null) : null;
  } catch {
    throw unmaskable();
  }
}
