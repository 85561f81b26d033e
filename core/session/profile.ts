/** What sessions need to know of an AgentProfile. */
import type { AgentSettings } from "../agents.ts";
import type { SessionTerms } from "./session.ts";

export interface Profile {
  name: string;
  /** Whom it names. */
  agents: AgentSettings;
  /** Absent: these agents have no sessions. */
  session?: SessionTerms;
}
