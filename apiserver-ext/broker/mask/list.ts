/** Long lists, masked item by item as they come in: nothing waits for the last of them, and others have their turn. */
import { isObject, type Json, type JsonObject, text } from "#core/admission.ts";
import { parseJson } from "#core/json.ts";
import { withoutValuesInItem } from "#core/mask/known-json.ts";
import { Looks } from "#core/mask/look.ts";
import { kindOfItems, maskListed, maskRow, secretColumns } from "#core/mask.ts";
import { inTurn } from "../in-turn.ts";
import { type Masks, masked, maskedJson, shown, unmaskable } from "./answer.ts";
import { membersOf } from "./json-shape.ts";
import { type Item, ListParts } from "./list-parts.ts";

/** @throws {StatusError} InternalError: what comes cannot be masked. What has come out by then was. */
export async function* maskedList(body: AsyncIterable<Buffer>, masks: Masks): AsyncGenerator<Buffer> {
  const list = new Reading(masks);
  for await (const chunk of body) {
    yield* await inTurn(() => list.push(chunk));
  }
  yield list.end();
}

class Reading {
  readonly #masks: Masks;
  readonly #looks: Looks;
  readonly #parts = new ListParts();
  /** How items are masked; undefined: it is not known yet, or as part of the whole. */
  #mask: ((item: Json) => Json) | undefined;
  #array: "items" | "rows" = "items";
  #headNames: readonly string[] = [];
  #areSecrets = false;
  /** Of its rows' cells, those that are secret by the name of their column. */
  #columns: ReadonlySet<number> = new Set();

  constructor(masks: Masks) {
    this.#masks = masks;
    this.#looks = masks.looks ?? new Looks();
  }

  push(chunk: Buffer): readonly Buffer[] {
    const out: Buffer[] = [];
    for (const part of reading(() => this.#parts.push(chunk))) {
      if (part.type === "head") out.push(this.#head(part.json, part.array));
      else for (const item of part.items) for (const piece of this.#item(item)) append(out, piece);
    }
    return out;
  }

  end(): Buffer {
    const { json, hadItems } = reading(() => this.#parts.end());
    if (!hadItems) return Buffer.from(maskedJson(json.toString(), this.#masks));
    return Buffer.from(this.#tail(json.toString()));
  }

  #head(json: Buffer, array: "items" | "rows"): Buffer {
    const whole = `${json}]}`;
    const shownHead = masked(whole, (head, bytes) => {
      const kind = text(head, "kind");
      // What the items are must be known by now, where they do not say it themselves.
      if (kind === "") throw unmaskable();
      this.#headNames = Object.keys(head);
      const ofItems = kindOfItems(head);
      this.#areSecrets = ofItems === "Secret";
      if (kind === "Table") this.#columns = secretColumns(head);
      this.#mask = (item) => this.#shownItem(item, ofItems);
      return shown(head, this.#masks, bytes);
    });
    this.#array = array;
    if (!shownHead.endsWith("]}")) throw unmaskable();
    return Buffer.from(shownHead.slice(0, -"]}".length));
  }

  #item({ json, pieces, goesOn, names }: Item): readonly Buffer[] {
    const { holdsValues, looksSecret } = this.#looks.at(this.#masks.known, json);
    const byName = this.#areSecrets || this.#columns.size > 0;
    if (!holdsValues && !looksSecret && !byName) return pieces;
    const value = reading((): Json => JSON.parse(json.toString()));
    const mask = (item: Json) => {
      const own = this.#mask?.(item) ?? null;
      return holdsValues ? withoutValuesInItem(this.#masks.known, own, this.#array) : own;
    };
    // Of two members of one name only the last was looked at.
    if (mask(value) === value && membersOf(value) === names) return pieces;
    const own = JSON.stringify(mask(reading(() => parseJson(json.toString()))));
    return [Buffer.from(goesOn ? `${own},` : own)];
  }

  #shownItem(item: Json, kind: string): Json {
    if (this.#array === "rows" || !isObject(item)) return maskRow(item, this.#columns);
    const own = maskListed(kind, item);
    return this.#masks.exempt?.(item, own, text(item, "kind") || kind) ?? own;
  }

  /** From the bracket that closes the array on. */
  #tail(json: string): string {
    const rest = json.slice(1);
    if (rest.trim() === "}") return json;
    const before = '{"":0';
    const shownTail = masked(`${before}${rest}`, (tail, bytes) => {
      const names = Object.keys(tail);
      // Which cells are secret must have been known, too.
      if (names.some((name) => name === "columnDefinitions" || this.#headNames.includes(name)))
        throw unmaskable();
      const { "": _, ...own } = tail as JsonObject;
      const masked = shown(own, this.#masks, bytes);
      return Object.keys(own).every((name) => own[name] === masked[name]) ? tail : { "": 0, ...masked };
    });
    if (!shownTail.startsWith(before)) throw unmaskable();
    return `]${shownTail.slice(before.length)}`;
  }
}

/** What follows the last one in the same memory is one with it: items that stand together leave together. */
function append(out: Buffer[], piece: Buffer): void {
  const last = out.at(-1);
  if (last?.buffer === piece.buffer && last.byteOffset + last.length === piece.byteOffset)
    out[out.length - 1] = Buffer.from(last.buffer, last.byteOffset, last.length + piece.length);
  else out.push(piece);
}

function reading<T>(read: () => T): T {
  try {
    return read();
  } catch {
    throw unmaskable();
  }
}
