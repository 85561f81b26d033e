/** What a command needs from outside: the cluster, the terminal, the clock. Tests bring their own. */
import type { CommandContext, StricliProcess } from "@stricli/core";
import type { Commands } from "./child.ts";
import type { ConnectionFlags } from "./flags.ts";
import type { Kubectl } from "./kubectl.ts";

export interface Terminal {
  /** Whether what is read from standard input is typed, */
  readonly typed: boolean;
  /** and what goes to standard output is shown. */
  readonly shown: boolean;
  /** How many characters a line of it has now, where it is. */
  width(): number | undefined;
}

export interface Context extends CommandContext {
  readonly process: StricliProcess;
  readonly kubectl: Kubectl;
  readonly commands: Commands;
  /** Whether a person sits in front of it, to be shown something and asked. */
  readonly interactive: boolean;
  /** Whether a person may read along on standard error. */
  readonly watched: boolean;
  /** Whether output may be coloured where the person did not say. */
  readonly color: boolean;
  /** The person's answer; "" when they gave none. */
  ask(question: string): Promise<string>;
  readonly terminal: Terminal;
  /** As `ask`, asked on standard error, and nothing of the answer is shown. Only where it is typed. */
  askHidden(question: string): Promise<string>;
  /** Tells each key as it is pressed, nothing of it shown, until the function returned is called. Only where it is typed. */
  keys(pressed: (key: string) => void): () => void;
  /** To standard output, as it is. */
  writeBytes(bytes: Uint8Array): void;
  /** Variables of the environment. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Milliseconds since the epoch. */
  now(): number;
  /** To standard error, even where an interruption has silenced it: what whoever interrupts has to know. */
  lastWords(text: string): void;
  /** Resolves after the time, or early when `signal`, this one or the context's, aborts. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
  /** While words are completed: which cluster was typed so far, and where to say what a proposal is. */
  readonly completing?: {
    connection: ConnectionFlags;
    /** All before the one to complete. */
    words: readonly string[];
    describe(value: string, text: string): void;
  };
  /** Aborts when the person has had enough (Ctrl-C). */
  readonly signal: AbortSignal;
}
