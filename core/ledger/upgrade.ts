/** Entries of the first versions, which had their payloads in themselves, where that makes one too long for a leaf. */
import { isObject, type JsonObject } from "../admission.ts";
import { canonical } from "../canonical.ts";
import { parseJson } from "../json.ts";
import type { Random } from "../ports.ts";
import type { Entry } from "./entry.ts";
import { type LineWithPayload, lineWithPayload } from "./line.ts";

/** The same entry as it is written today: its payload beside it. Anything else that is too long is kept so as a whole. */
export function upgradedLine(line: string, random: Pick<Random, "bytes">): LineWithPayload {
  const read = parseJson(line);
  if (!isObject(read)) throw new TypeError("not an entry of the ledger");
  const { payload, ...entry } = read;
  const isFirst = entry["schema"] === "hoop.dev/admission/v1" && isObject(payload);
  const whole = isFirst ? { ...entry, schema: "hoop.dev/admission/v2" } : read;
  return lineWithPayload(asEntry(whole), isFirst ? payload : { entry: canonical(read) }, random);
}

function asEntry(entry: JsonObject): Entry {
  return entry as unknown as Entry;
}
