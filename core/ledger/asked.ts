/** Entries by what they are about. Apart from their schemas, which the plugin has no need to load. */
import type { Entry } from "./entry.ts";

/** An entry that is about what an agent asked for. */
export type AskedEntry = Extract<Entry, { kind: "admission" | "approval" }>;

/** An entry that is about a session, or what went through it. */
export type InSessionEntry = Extract<Entry, { kind: "session" | "brokered" }>;

export function ofSession(entry: Entry): InSessionEntry | undefined {
  return entry.kind === "session" || entry.kind === "brokered" ? entry : undefined;
}

export function asked(entry: Entry): AskedEntry | undefined {
  return entry.kind === "admission" || entry.kind === "approval" ? entry : undefined;
}
