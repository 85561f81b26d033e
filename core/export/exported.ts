/** One entry on its way into an export, and what a format is. */
import type { JsonObject } from "../admission.ts";
import { parseJson } from "../json.ts";
import type { StoredPayload } from "../log/contents.ts";
import { unsealPayload } from "../log/payload.ts";
import type { Filter } from "./filter.ts";

export interface Exported {
  readonly index: number;
  /** Canonical JSON, as it was signed. */
  readonly text: string;
  readonly entry: JsonObject;
  /** Undefined where it has none, or none is asked for. */
  readonly payload: StoredPayload;
  /** In the tree of the checkpoint; where not all entries are exported. */
  readonly proof: readonly Buffer[] | undefined;
}

/** What an export is of. */
export interface Extent {
  /** The signed note. */
  readonly checkpoint: string;
  readonly payloads: boolean;
  /** Undefined: all entries. */
  readonly filter: Filter | undefined;
}

export interface Format {
  readonly extension: string;
  /** What comes before all lines. */
  begin(extent: Extent): string;
  /** With its line feed; undefined for an entry that this format has no words for. */
  line(one: Exported): string | undefined;
  /** What comes after all `lines`, by the SHA-256 of everything before, hex. */
  end(lines: number, digest: string): string;
}

/** The object that a payload is; undefined where there is none to see. */
export function payloadOf({ payload }: Exported): JsonObject | undefined {
  if (payload === undefined || payload === "erased") return undefined;
  const value = parseJson(unsealPayload(payload)?.toString() ?? "{}");
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as JsonObject)
    : undefined;
}
