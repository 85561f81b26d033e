/**
 * The events of one watch, masked. A watch of tables describes the columns in its first table alone, so these are remembered:
 * by their names it is known which cells are secret.
 */
import type { JsonObject } from "#core/admission.ts";
import { describesColumns, secretColumns } from "#core/mask.ts";
import { eventBytes, type Masks } from "./answer.ts";
import { shownLine } from "./same-events.ts";

const TABLE = /"kind"\s*:\s*"Table"/;

export class ToldEvents {
  #columns: ReadonlySet<number> = new Set();

  /** One event, with the end of its line. */
  shown(line: string, masks: Masks): Buffer {
    if (masks.ofSecrets || !TABLE.test(line)) return shownLine(line, masks);
    return eventBytes(line, masks, (table) => this.#columnsOf(table));
  }

  #columnsOf(table: JsonObject): ReadonlySet<number> {
    if (describesColumns(table)) this.#columns = secretColumns(table);
    return this.#columns;
  }
}
