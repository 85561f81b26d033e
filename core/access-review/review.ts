/** What an access review says. Records are told by their indexes in the ledger, which prove each line. */

/** NIST SP 800-53 Rev. 5: what a section of the review is evidence for. */
export const CONTROLS = {
  gaps: "IR-4",
  erasures: "AU-6",
  rights: "AC-2",
  used: "AU-2",
  held: "AU-6",
  denied: "SC-7",
  configurations: "AU-6",
} as const;

/** Indexes, from one up to and with the other. */
export type Run = readonly [first: number, last: number];

export interface Seen {
  count: number;
  /** RFC 3339. */
  first: string;
  last: string;
  newest: number;
  records: Run[];
}

/** What was asked, as RBAC names it. */
export interface Place {
  /** Of the API; `update` is also what a patch is to admission, `connect` an exec, attach, port-forward or proxy. */
  verb: string;
  group: string;
  resource: string;
  subresource: string;
  /** "" for cluster-scoped ones. */
  namespace: string;
  /** In a session: the user name, of a ServiceAccount, that it acts as and whose rights it has there. "" outside of one. */
  actingAs: string;
}

export interface Used extends Place, Seen {
  allowed: number;
  /** Approvals that it waited for, each once, however often it asked meanwhile. */
  held: number;
  denied: number;
  /** Nothing came of it, though no rule denied it: refused elsewhere, or told to ask again (429). */
  refused: number;
  /** Of those that were allowed: what came of it is not known. */
  unknown: number;
  /** Whether a rule of RBAC gives it now; undefined where RBAC was not read. */
  given?: boolean;
}

export interface Denied extends Place, Seen {
  /** The rules that did; where none is named, by whom. */
  rules: string[];
}

export interface Step {
  index: number;
  time: string;
  /** created, decided, expired, superseded, void; waiting, spent, re-entered, refused. */
  event: string;
  user?: string;
  verdict?: string;
  comment?: string;
}

export interface Held {
  approval: string;
  operation: string;
  target: string;
  steps: Step[];
}

/** One rule of RBAC that reaches the agent. */
export interface Right {
  verbs: string[];
  groups: string[];
  resources: string[];
  names: string[];
  urls: string[];
  /** "" everywhere. */
  namespace: string;
  /** Binding, subject and role. */
  by: string;
  /** What of it was used, by the newest record each; and what was not. */
  use: RightUse[];
}

export interface RightUse {
  verb: string;
  group: string;
  resource: string;
  /** partly-used: of what `*` stands for, no more than `used` of the review says. cannot-tell: reads were not recorded. */
  state: "used" | "partly-used" | "never-used" | "cannot-tell";
  newest?: number;
}

export interface Told {
  index: number;
  time: string;
  says: string;
}

export interface Review {
  agent: string;
  groups: string[];
  /** RFC 3339; since "" is from the beginning. */
  since: string;
  until: string;
  /** Entries that are about it, of that time. */
  entries: number;
  /** Whether the ledger has requests that audit events tell of, reads among them, of that time. */
  readsRecorded: boolean;
  gaps: Told[];
  erasures: Told[];
  configurations: Told[];
  used: Used[];
  denied: Denied[];
  held: Held[];
  /** Undefined: not read, and why. */
  rights: Right[] | undefined;
  rightsWhy?: string;
}

/** Where it was read. */
export interface ReadFrom {
  origin: string;
  /** Entries, all of them held against this checkpoint. */
  size: number;
  root: string;
  source: string;
  keysFromLedger: boolean;
  /** RFC 3339, of the first entry. */
  begins: string;
}

/** Adds a record to what was seen. */
export function see(seen: Seen, index: number, time: string): void {
  const last = seen.records.at(-1);
  if (last !== undefined && last[1] === index - 1) seen.records[seen.records.length - 1] = [last[0], index];
  else seen.records.push([index, index]);
  seen.count += 1;
  seen.last = time;
  seen.newest = index;
}

export function newSeen(time: string): Seen {
  return { count: 0, first: time, last: time, newest: 0, records: [] };
}

/** `3-7 12`. */
export function runWords(runs: readonly Run[]): string {
  return runs.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(" ");
}

export function placeWords({
  group,
  resource,
  subresource,
}: Pick<Place, "group" | "resource" | "subresource">): string {
  return `${resource}${group === "" ? "" : `.${group}`}${subresource === "" ? "" : `/${subresource}`}`;
}
