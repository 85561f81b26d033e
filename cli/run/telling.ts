/** What `kubectl hoop run` says on standard error: a line a state, for people or as JSON. */
import type { Approval } from "#core/approval.ts";
import { printable } from "#core/printable.ts";
import { duration } from "#kit/duration.ts";
import { remaining } from "../ages.ts";
import type { Context } from "../context.ts";
import {
  approvedWords,
  approversWords,
  operationWords,
  ruleWords,
  stateWords,
  targetWords,
} from "../wording.ts";

export type Outcome = "done" | "pending" | "denied" | "failed";

/** Exit codes, as sysexits.h has them: try again later, and not permitted. */
export const CODES: Partial<Record<Outcome, number>> = { pending: 75, denied: 77 };

export interface Telling {
  held(approval: Approval): void;
  /** Still held, after so many milliseconds. */
  still(approval: Approval, since: number): void;
  /** A decision, or another end. */
  decided(approval: Approval): void;
  /** The command runs once more. */
  again(): void;
  /** Progress cannot be shown. */
  blind(why: string): void;
  ended(outcome: Outcome, code: number): void;
}

export function tellingPeople(context: Context): Telling {
  const say = (text: string) => context.process.stderr.write(`hoop: ${printable(text)}\n`);
  const onTerminal = (text: string) => {
    if (context.watched) say(text);
  };
  return {
    held: (approval) => {
      const { metadata, spec, status } = approval;
      const what = `${operationWords(spec.operation, spec.target)} ${targetWords(spec.target)}`;
      say(
        `held: ${what} waits for ${approversWords(spec.approvers)} (rule ${ruleWords(spec.rules)}). ` +
          `approval=${metadata.name} namespace=${metadata.namespace} expires in ${remaining(status.expiresAt, context.now())}`,
      );
    },
    still: ({ metadata }, since) => onTerminal(`still held after ${duration(since)}: ${metadata.name}`),
    decided: (approval) => say(`${approval.metadata.name}: ${decisionWords(approval, context.now())}`),
    again: () => say("running the same command again"),
    blind: (why) => onTerminal(`progress cannot be shown: ${why}`),
    ended: () => undefined,
  };
}

export function tellingPrograms(context: Context): Telling {
  const say = (state: object) => context.process.stderr.write(`${JSON.stringify(state)}\n`);
  return {
    held: (approval) => say({ state: "held", ...about(approval) }),
    still: () => undefined,
    decided: (approval) => {
      const { phase, decisions } = approval.status;
      const state = phase === "Used" ? "approved" : phase.toLowerCase();
      say({ state, ...about(approval), decisions });
    },
    again: () => say({ state: "again" }),
    blind: () => undefined,
    ended: (outcome, exitCode) => say({ state: "ended", outcome, exitCode }),
  };
}

function about({ metadata, spec, status }: Approval) {
  return {
    approval: metadata.name,
    namespace: metadata.namespace,
    operation: spec.operation,
    target: spec.target,
    rules: spec.rules,
    approvers: spec.approvers,
    expiresAt: status.expiresAt,
  };
}

/** A use follows its decision at once: who decided is the news. */
function decisionWords(approval: Approval, now: number): string {
  const words = approval.status.phase === "Used" ? approvedWords(approval) : stateWords(approval, now);
  return words.charAt(0).toLowerCase() + words.slice(1);
}
