/** The process around the commands: terminal, environment, signals. */
import { createInterface, type Interface } from "node:readline";
import { Writable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { run } from "./app.ts";
import { commandsWithOurs } from "./child.ts";
import type { Context } from "./context.ts";
import { kubectlFromPath } from "./kubectl.ts";

const { stdin, stdout, stderr, env } = process;
const interruption = new AbortController();
const { signal } = interruption;

/** Signals that end us, and the exit code by which a shell knows them. */
const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
let interruptedWith: number | undefined;
function interrupt(name: keyof typeof SIGNALS): void {
  interruptedWith = SIGNALS[name];
  interruption.abort(name);
}
for (const name of ["SIGHUP", "SIGINT", "SIGTERM"] as const) process.once(name, () => interrupt(name));

// A reader that has seen enough (`| head`) is no error.
stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));

const context: Context = {
  process: {
    stdout: { write: (text) => void stdout.write(text) },
    stderr: { write: (text) => void (signal.aborted || stderr.write(text)) },
    exitCode: null,
  },
  kubectl: kubectlFromPath((text) => void stderr.write(text), signal),
  commands: commandsWithOurs(process, signal),
  interactive: stdin.isTTY === true && stdout.isTTY === true,
  watched: stderr.isTTY === true,
  color: stdout.isTTY === true && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb",
  ask: (question) => asked(createInterface({ input: stdin, output: stdout }), question),
  terminal: {
    typed: stdin.isTTY === true,
    shown: stdout.isTTY === true,
    // Of a terminal whose size nobody knows, that is 0.
    width: () => (stdout.isTTY === true && stdout.columns > 0 ? stdout.columns : undefined),
  },
  askHidden,
  keys,
  writeBytes: (bytes) => void stdout.write(bytes),
  lastWords: (text) => void stderr.write(text),
  environment: env,
  now: Date.now,
  sleep: (milliseconds, early) => {
    const ends = early === undefined ? signal : AbortSignal.any([signal, early]);
    return pause(milliseconds, undefined, { signal: ends }).catch(() => undefined);
  },
  signal,
};

/** What is typed is echoed by what reads it, so it goes nowhere. */
async function askHidden(question: string): Promise<string> {
  stderr.write(question);
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  try {
    return await asked(
      createInterface({ input: stdin, output: nowhere, terminal: true, historySize: 0 }),
      "",
    );
  } finally {
    stderr.write("\n");
  }
}

/** A terminal that gives each key at once gives Ctrl-C as one, too. */
function keys(pressed: (key: string) => void): () => void {
  const heard = (bytes: Buffer) => {
    const key = bytes.toString();
    if (key === "\u0003") interrupt("SIGINT");
    else pressed(key);
  };
  stdin.setRawMode(true).resume().on("data", heard);
  return () => void stdin.off("data", heard).setRawMode(false).pause();
}

/** The end of input counts as no answer. */
function asked(terminal: Interface, question: string): Promise<string> {
  return new Promise((resolve) => {
    terminal.on("SIGINT", () => {
      interrupt("SIGINT");
      terminal.close();
    });
    terminal.on("close", () => resolve(""));
    terminal.question(question, (answer) => {
      resolve(answer);
      terminal.close();
    });
  });
}

/** As cobra names it: `kubectl_complete-hoop` asks so. */
async function completed(words: readonly string[]): Promise<number> {
  const { complete } = await import("./completion/complete.ts");
  stdout.write(await complete(words, context));
  return 0;
}

const [first, ...rest] = process.argv.slice(2);
const code = first === "__complete" ? await completed(rest) : await run(process.argv.slice(2), context);
process.exitCode = interruptedWith ?? code;
