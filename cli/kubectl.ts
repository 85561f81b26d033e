/**
 * All talk with the cluster goes through the person's own kubectl, so that kubeconfig, credential plugins, proxies
 * and certificates work here exactly as they do there.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { printable } from "#core/printable.ts";
import { CommandError } from "./failure.ts";

export interface Finished {
  code: number;
  stdout: string;
  /** kubectl's own error message; what it said besides was passed on already. */
  stderr: string;
}

export interface RunOptions {
  /** Its standard input; else it has ours. */
  input?: string;
  /** Given what it says besides errors, such as warnings, in place of the person. */
  notice?: (text: string) => void;
  /** Ends it. */
  signal?: AbortSignal;
}

export interface Kubectl {
  /** Runs `kubectl ARGS` to its end. Rejects when it cannot be started or was interrupted. */
  run(args: readonly string[], options?: RunOptions): Promise<Finished>;
  /** The lines that `kubectl ARGS` prints, as they come; returns how it ended. Leaving the loop ends kubectl. */
  follow(args: readonly string[], signal?: AbortSignal): AsyncGenerator<string, Finished>;
}

/**
 * kubectl from PATH. `notice` is given what kubectl, or a credential plugin under it, says to the person while it
 * runs (warnings, "open this page to log in"); `signal` ends whatever runs.
 */
export function kubectlFromPath(notice: (text: string) => void, signal: AbortSignal): Kubectl {
  return {
    run: async (args, options = {}) => {
      const child = start(args, either(signal, options.signal), options.input);
      let stdout = "";
      child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
        stdout += chunk;
      });
      return { ...(await ending(child, options.notice ?? notice)), stdout };
    },
    async *follow(args, until) {
      const child = start(args, either(signal, until));
      const ended = ending(child, notice);
      // Awaited at the end only; a failure before that must not count as unhandled.
      ended.catch(() => undefined);
      try {
        if (child.stdout !== null) yield* createInterface({ input: child.stdout });
        return { ...(await ended), stdout: "" };
      } finally {
        child.kill();
      }
    },
  };
}

/** Standard input is handed on: a credential plugin may ask for a password. */
function start(args: readonly string[], signal: AbortSignal, input?: string): ChildProcess {
  const stdin = input === undefined ? "inherit" : "pipe";
  const child = spawn("kubectl", args, { stdio: [stdin, "pipe", "pipe"], signal });
  // It may end before it has read everything.
  child.stdin?.on("error", () => undefined).end(input);
  return child;
}

function either(one: AbortSignal, other: AbortSignal | undefined): AbortSignal {
  return other === undefined ? one : AbortSignal.any([one, other]);
}

function ending(child: ChildProcess, notice: (text: string) => void): Promise<Omit<Finished, "stdout">> {
  const errors = errorSplitter(notice);
  child.stderr?.setEncoding("utf8").on("data", errors.write);
  return new Promise((resolve, reject) => {
    child.on("error", (error) => reject(startFailure(error)));
    child.on("close", (code) => resolve({ code: code ?? 1, stderr: errors.end() }));
  });
}

function startFailure(error: Error): Error {
  const missing = "code" in error && error.code === "ENOENT";
  return missing ? new CommandError("kubectl was not found on PATH; kubectl hoop needs it") : error;
}

/** How each of kubectl's own error messages begins; from the first on, everything belongs to it. */
const ERROR_LINE =
  /^(error\b|the (server|connection|request) |The \S+ "[^"]*" is invalid|Unable to connect|Server returned)/i;
/** A line of Go's log (klog), such as `E1121 10:00:00.000000 42 memcache.go:265] …`. */
const LOG_LINE = /^[IWEF]\d{4} /;
/** A question, whose line does not end before it is answered. */
const PROMPT = /[:?>] $/;

/** Parts kubectl's standard error into its error message, kept, and all else, passed on at once. */
function errorSplitter(notice: (text: string) => void) {
  let rest = "";
  const kept: string[] = [];
  const line = (text: string) => {
    if (LOG_LINE.test(text)) return;
    if (kept.length > 0 || ERROR_LINE.test(text)) kept.push(text);
    else notice(`${printable(text)}\n`);
  };
  return {
    write: (chunk: string) => {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const text of lines) line(text);
      if (kept.length === 0 && PROMPT.test(rest) && !ERROR_LINE.test(rest)) {
        notice(printable(rest));
        rest = "";
      }
    },
    end: () => {
      if (rest !== "") line(rest);
      return kept.join("\n");
    },
  };
}
