/** Completion as kubectl asks its plugins for it: lines `value<TAB>description`, then cobra's directive. */
import { basename } from "node:path";
import { type InputCompletion, proposeCompletions } from "@stricli/core";
import { application } from "../app.ts";
import type { Context } from "../context.ts";
import { NO_CONNECTION } from "../flags.ts";
import { connectionOf } from "../run/connection.ts";

/** Complete file names where nothing is proposed; or never. */
const FILES = ":0\n";
const NO_FILES = ":4\n";

/** Flags whose value is a file. */
const OF_FILES: readonly string[] = [
  "--kubeconfig",
  "--agent-kubeconfig",
  "--filename",
  "-f",
  "--old",
  "--policies",
  "--key",
  "--checkpoint",
  "--keep",
  "--to",
  "--token-file",
];

/** Commands whose arguments are files: of one word, or of two. */
const TAKES_FILES: ReadonlySet<string> = new Set([
  "policy test",
  "policy check",
  "verify",
  "export",
  "review",
]);

/** `words`: all after `kubectl hoop`, the last being the one to complete, perhaps empty. */
export async function complete(words: readonly string[], context: Context): Promise<string> {
  const end = words.slice(0, -1).indexOf("--");
  if (words[0] === "run" && end > 0) return ofCommand(words.slice(end + 1), context);
  const partial = words.at(-1) ?? "";
  const [, flag, value = ""] = /^(--[a-z-]+)=(.*)$/.exec(partial) ?? [];
  // As two words: that is how the scanner looks at a value.
  const asked = flag === undefined ? words : [...words.slice(0, -1), flag, value];
  if (OF_FILES.includes(asked.at(-2) ?? "")) return FILES;
  if (takesFile(words) && !partial.startsWith("-")) return FILES;
  const descriptions = new Map<string, string>();
  const proposed = await proposeCompletions(application, asked, {
    ...context,
    completing: {
      connection: connectionOf(["kubectl", ...words.slice(0, -1)], NO_CONNECTION),
      words: words.slice(0, -1),
      describe: (name, text) => void descriptions.set(name, text),
    },
  });
  const prefix = flag === undefined ? "" : `${flag}=`;
  const lines = proposed
    .filter((one) => isWanted(one, asked.at(-1) ?? ""))
    .map(({ completion, brief }) => `${prefix}${completion}\t${descriptions.get(completion) ?? brief}\n`);
  return `${lines.join("")}${NO_FILES}`;
}

/** Whether the last word is an argument that is a file: not a command, nor the value of a flag. */
function takesFile(words: readonly string[]): boolean {
  const isOfTwo = words.length > 2 && TAKES_FILES.has(words.slice(0, 2).join(" "));
  const isOfOne =
    words.length > 1 && TAKES_FILES.has(words[0] ?? "") && !(words.at(-2) ?? "").startsWith("-");
  return isOfTwo || isOfOne;
}

/** Flags only for who has begun one, as kubectl does; and nothing that is typed already. */
function isWanted({ kind, completion }: InputCompletion, partial: string): boolean {
  if (kind === "argument:flag" && !partial.startsWith("-")) return false;
  return completion.startsWith(partial);
}

/** The command of `run` completes as it does by itself, where that is kubectl. */
async function ofCommand([program = "", ...args]: readonly string[], context: Context): Promise<string> {
  if (basename(program) !== "kubectl" || args.length === 0) return FILES;
  const { code, stdout } = await context.kubectl.run(["__complete", ...args], { notice: () => undefined });
  return code === 0 ? stdout : FILES;
}
