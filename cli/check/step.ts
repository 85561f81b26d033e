/** One step of the path, and what looking at it found. */
import type { Api } from "../api.ts";
import type { Cluster } from "../cluster.ts";
import type { Context } from "../context.ts";
import { ApiError } from "../failure.ts";
import type { ConnectionFlags } from "../flags.ts";
import type { Code } from "./codes.ts";

export type Finding =
  | { state: "passed"; says: string }
  | { state: "failed"; code: Code; says: string }
  /** It works, and not as well as it could. */
  | { state: "warning"; code: Code; says: string }
  /** It cannot be looked at: by this person, or not now. */
  | { state: "not-checked"; says: string };

/** What the steps look with. */
export interface Probe {
  context: Context;
  flags: ConnectionFlags;
  cluster: Cluster;
  api: Api;
  /** Where given: the same, as the agent. */
  agent: { flags: ConnectionFlags; cluster: Cluster } | undefined;
  /** Where the canary goes. */
  namespace: string;
}

export interface Step {
  name: string;
  /** Steps that must not have failed, or this one tells nothing. */
  after: readonly string[];
  /** It may become right by itself, while an installation starts. */
  retried: boolean;
  look(probe: Probe): Promise<Finding>;
}

export function passed(says: string): Finding {
  return { state: "passed", says };
}

export function failed(code: Code, says: string): Finding {
  return { state: "failed", code, says };
}

export function warning(code: Code, says: string): Finding {
  return { state: "warning", code, says };
}

export function notChecked(says: string): Finding {
  return { state: "not-checked", says };
}

/** Who may not look has found nothing wrong; any other refusal is the finding. */
export function refused(error: unknown, code: Code): Finding {
  if (!(error instanceof ApiError)) throw error;
  return error.reason === "Forbidden" ? notChecked(error.message) : failed(code, error.message);
}
