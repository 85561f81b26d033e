/** The person's own commands, run as if there were nothing around them. */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { buffer } from "node:stream/consumers";
import { CommandError } from "./failure.ts";

export interface Commands {
  /**
   * Runs a command on our standard input and output, or on `input`. What it writes to standard error comes there at
   * once, byte for byte, and is told to `heard`. Resolves with its exit code, as a shell gives it: 128 and more for a
   * signal. Rejects with {@link NotStarted}.
   */
  run(
    words: readonly string[],
    heard: (text: string) => void,
    input: Uint8Array | undefined,
  ): Promise<number>;
  /** All of our standard input. */
  input(): Promise<Uint8Array>;
}

export class NotStarted extends CommandError {
  /** As a shell gives it. */
  readonly code: 126 | 127;
  constructor(program: string, { code, message }: NodeJS.ErrnoException) {
    super(code === "ENOENT" ? `${program} was not found` : `${program} cannot be run: ${message}`);
    this.code = code === "ENOENT" ? 127 : 126;
  }
}

type Ours = Pick<NodeJS.Process, "stdin" | "stdout" | "stderr">;

/** `signal` aborts with the name of the signal that ends us, as its reason; the command gets the same one. */
export function commandsWithOurs({ stdin, stdout, stderr }: Ours, signal: AbortSignal): Commands {
  // A terminal sends its Ctrl-C to the command as well.
  const terminal = [stdin, stdout, stderr].some((stream) => stream.isTTY === true);
  return {
    input: () => buffer(stdin),
    run: ([program = "", ...args], heard, input) =>
      new Promise((resolve, reject) => {
        const child = spawn(program, args, {
          stdio: [input === undefined ? "inherit" : "pipe", "inherit", "pipe"],
        });
        const forward = () => {
          if (terminal && signal.reason === "SIGINT") return;
          child.kill(signal.reason in constants.signals ? signal.reason : "SIGTERM");
        };
        signal.addEventListener("abort", forward, { once: true });
        child.stdin?.on("error", () => undefined).end(input);
        // Without a decoder in between: what we hear may be torn inside a character, what is shown is not.
        child.stderr?.on("data", (chunk: Buffer) => {
          stderr.write(chunk);
          heard(chunk.toString("utf8"));
        });
        child.on("error", (error) => reject(new NotStarted(program, error)));
        child.on("close", (code, by) => {
          signal.removeEventListener("abort", forward);
          resolve(code ?? 128 + (by === null ? 0 : constants.signals[by]));
        });
      }),
  };
}
