/** Masks the events of watches. Many clients watch the same objects, and are sent the same lines: each line is masked once for all. */
import type { KnownValues } from "#core/mask/values.ts";
import { eventBytes, type Masks } from "./answer.ts";

/** In characters. Longer lines are not kept: they mostly go to one client alone. */
const LONGEST = 32 * 1024;
/** So many characters of lines are kept at most. */
const KEPT = 1024 * 1024;
/** For so many milliseconds. Not longer, for they hold values that were masked. */
const WHILE = 10_000;

interface Line {
  shown: Buffer;
  masks: Masks;
  /** How many forms of values were looked for; with more of them the line has to be masked anew. */
  forms: number;
}

class Lines {
  readonly #lines = new Map<string, Line>();
  #size = 0;
  #forgetting: NodeJS.Timeout | undefined;

  of(line: string, masks: Masks): Buffer {
    const known = this.#lines.get(line);
    const { count } = masks.known.index;
    if (known?.forms === count && known.masks.exempt === masks.exempt) return known.shown;
    const shown = eventBytes(line, masks);
    if (line.length > LONGEST) return shown;
    if (known === undefined) this.#size += line.length;
    this.#lines.set(line, { shown, masks, forms: count });
    for (const oldest of this.#lines.keys()) {
      if (this.#size <= KEPT) break;
      this.#lines.delete(oldest);
      this.#size -= oldest.length;
    }
    this.#forgetting ??= setTimeout(() => this.#forget(), WHILE).unref();
    return shown;
  }

  #forget(): void {
    this.#lines.clear();
    this.#size = 0;
    this.#forgetting = undefined;
  }
}

const BY_VALUES = new WeakMap<KnownValues, Lines>();

/** One event, with the end of its line. */
export function shownLine(line: string, masks: Masks): Buffer {
  if (masks.ofSecrets) return eventBytes(line, masks);
  const lines = BY_VALUES.get(masks.known) ?? new Lines();
  BY_VALUES.set(masks.known, lines);
  return lines.of(line, masks);
}
