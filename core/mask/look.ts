/**
 * Looking a text through for anything to be masked. What held nothing is remembered by its hash: agents list the same
 * objects again and again, and most of these have not changed.
 */
import { hash } from "node:crypto";
import { forgetOldest } from "../forget-oldest.ts";
import { mayLookSecret } from "./hints.ts";
import { holdsValues, type KnownValues } from "./values.ts";

/** Both are true by chance, too: they say where to look closer. */
export interface Look {
  holdsValues: boolean;
  looksSecret: boolean;
}

const NOTHING: Look = { holdsValues: false, looksSecret: false };
/** Bytes: to look through a shorter text takes no longer than its hash. */
const SHORT = 1024;
/** Hashes that are remembered, of a hundred bytes each. */
const MOST = 16 * 1024;

export class Looks {
  readonly #clean = new Set<string>();

  /** @param json a text in JSON. */
  at(known: KnownValues, json: Buffer): Look {
    if (json.length < SHORT) return lookAt(known, json);
    // What is known by now decides with it: a value that comes later is looked for in all texts again.
    const text = `${known.version} ${hash("sha256", json, "base64")}`;
    if (this.#clean.has(text)) return NOTHING;
    const look = lookAt(known, json);
    if (!look.holdsValues && !look.looksSecret) {
      this.#clean.add(text);
      forgetOldest(this.#clean, MOST);
    }
    return look;
  }
}

function lookAt(known: KnownValues, json: Buffer): Look {
  return { holdsValues: holdsValues(known, json), looksSecret: mayLookSecret(json) };
}
