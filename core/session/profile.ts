/** What sessions need to know of an AgentProfile. */
import type { AgentSettings } from "../agents.ts";
import type { TokenMatch } from "../exchange/match.ts";
import type { SessionTerms } from "./session.ts";

export interface Profile {
  name: string;
  /** Whom it names. */
  agents: AgentSettings;
  /** Whose tokens may be exchanged for a session of it. */
  tokens?: readonly TokenMatch[];
  /** Absent: these agents have no sessions. */
  session?: SessionTerms;
}
