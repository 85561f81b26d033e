/** The kinds of entries, as people ask for them. */
import type { Entry } from "./entry.ts";

type Kind = Entry["kind"];

const ALL: Readonly<Record<Kind, true>> = {
  admission: true,
  approval: true,
  outcome: true,
  request: true,
  session: true,
  brokered: true,
  configuration: true,
  erasure: true,
  gap: true,
};

export const KINDS: readonly string[] = Object.keys(ALL);
