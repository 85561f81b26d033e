/** What a command needs from outside: the cluster, the terminal, the clock. Tests bring their own. */
import type { CommandContext, StricliProcess } from "@stricli/core";
import type { Kubectl } from "./kubectl.ts";

export interface Context extends CommandContext {
  readonly process: StricliProcess;
  readonly kubectl: Kubectl;
  /** Whether a person sits in front of it, to be shown something and asked. */
  readonly interactive: boolean;
  /** Whether output may be coloured where the person did not say. */
  readonly color: boolean;
  /** The person's answer; "" when they gave none. */
  ask(question: string): Promise<string>;
  /** Milliseconds since the epoch. */
  now(): number;
  /** Resolves after the time, or early when `signal` aborts. */
  sleep(milliseconds: number): Promise<void>;
  /** Aborts when the person has had enough (Ctrl-C). */
  readonly signal: AbortSignal;
}
