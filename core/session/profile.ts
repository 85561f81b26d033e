/** What sessions need to know of an AgentProfile. */
import type { AgentSettings } from "../agents.ts";
import type { TokenMatch } from "../exchange/match.ts";
import type { Exemption } from "../mask/exempt.ts";
import type { Requirement } from "../policy/verdict.ts";
import type { Window } from "./windows.ts";

export interface Profile {
  name: string;
  /** Whom it names. */
  agents: AgentSettings;
  /** Whose tokens may be exchanged for a session of it. */
  tokens?: readonly TokenMatch[];
  /** What makes it unusable, "" or left out for nothing: then it gives no sessions. */
  problem?: string;
  /** Absent: these agents have no sessions. */
  session?: SessionTerms;
}

/** What an AgentProfile says of the sessions of its agents. */
export interface SessionTerms {
  serviceAccount: { namespace: string; name: string };
  /** Seconds. */
  defaultSeconds: number;
  maxSeconds: number;
  /** 0: never. */
  idleSeconds: number;
  /** At once, of one agent. */
  maxSessions: number;
  requestsPerSecond: number;
  exec: { stdin: boolean; tty: boolean };
  portForward: boolean;
  /** Absent: any. */
  forwardedPorts?: readonly number[];
  /** Of which Secrets of its namespace the values are not masked. */
  reveal: readonly Revealed[];
  /** What looks like a secret and is none. */
  exempt: readonly Exemption[];
  /** How many bytes of a body are kept in a record; what is hashed is the whole. */
  keep: { requestBytes: number; responseBytes: number };
  /** Absent: sessions are not asked for. */
  approval?: SessionApproval;
  /** Sessions are for these times alone; none: for all. */
  windows: readonly Window[];
}

export interface Revealed {
  secret: string;
  keys: readonly string[];
}

/** Who decides whether a session may begin. */
export interface SessionApproval {
  approvers: readonly Requirement[];
  /** So many seconds the question is open. */
  seconds: number;
  /** Why people are asked, told to them. */
  reason?: string;
}
