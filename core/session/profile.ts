/** What sessions need to know of an AgentProfile. */
import type { AgentSettings } from "../agents.ts";
import type { TokenMatch } from "../exchange/match.ts";
import type { Exemption } from "../mask/exempt.ts";
import type { Requirement } from "../policy/verdict.ts";
import type { Window } from "./windows.ts";

export interface Profile {
  name: string;
  /** The agents that it names. */
  agents: AgentSettings;
  /** Which tokens may be exchanged for a session of it. */
  tokens?: readonly TokenMatch[];
  /** Why it gives no sessions; "" or left out: it does. */
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
  /** How many sessions one agent may have at once. */
  maxSessions: number;
  requestsPerSecond: number;
  exec: { stdin: boolean; tty: boolean };
  portForward: boolean;
  /** Absent: any. */
  forwardedPorts?: readonly number[];
  /** Secrets of the session's namespace with keys whose values are not masked elsewhere. */
  reveal: readonly Revealed[];
  /** What looks like a secret and is none. */
  exempt: readonly Exemption[];
  /** How many bytes of a body are kept in its record. The hash is of the whole body. */
  keep: { requestBytes: number; responseBytes: number };
  /** Absent: sessions begin without an approval. */
  approval?: SessionApproval;
  /** Sessions may be only in these times; empty: at any time. */
  windows: readonly Window[];
}

export interface Revealed {
  secret: string;
  keys: readonly string[];
}

/** Who decides whether a session may begin. */
export interface SessionApproval {
  approvers: readonly Requirement[];
  /** How long people have to decide, in seconds. */
  seconds: number;
  /** Told to people as the reason why they are asked. */
  reason?: string;
}
