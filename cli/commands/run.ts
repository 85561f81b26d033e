/** `kubectl hoop run -- COMMAND…`: the same command, with a word on standard error when it waits for a person. */
import { phaseAt } from "#core/transitions.ts";
import { NotStarted } from "../child.ts";
import type { Context } from "../context.ts";
import { CommandError } from "../failure.ts";
import type { ConnectionFlags, WaitFlag } from "../flags.ts";
import { connectionOf } from "../run/connection.ts";
import { approvalNow, decisionOn } from "../run/decision.ts";
import { type Heard, type HeldApproval, listener } from "../run/heard.ts";
import { tellProgress } from "../run/progress.ts";
import { CODES, type Outcome, type Telling, tellingPeople, tellingPrograms } from "../run/telling.ts";

export interface RunFlags extends ConnectionFlags, WaitFlag {
  readonly output: "json" | undefined;
}

/** Whoever reads JSON lines wants nothing in between. */
const NOWHERE = { write: () => undefined };

interface Ended {
  outcome: Outcome;
  /** The command's own. */
  code: number;
  held: HeldApproval[];
}

export async function run(this: Context, flags: RunFlags, ...words: string[]): Promise<Error | undefined> {
  const forPrograms = flags.output === "json";
  const telling = forPrograms ? tellingPrograms(this) : tellingPeople(this);
  const context: Context = forPrograms ? { ...this, process: { ...this.process, stderr: NOWHERE } } : this;
  const connection = connectionOf(words, flags);
  // A second run must read what the first has read.
  const input = flags.wait !== undefined && readsInput(words) ? await this.commands.input() : undefined;
  const once = () => runOnce(context, connection, words, telling, input);
  const wait = async (held: readonly HeldApproval[]) =>
    flags.wait === undefined ? "pending" : decisions(context, connection, held, flags.wait, telling);
  try {
    const ended = await lastOf(once, wait, telling);
    const code = CODES[ended.outcome] ?? ended.code;
    telling.ended(ended.outcome, code);
    this.process.exitCode = code;
    return undefined;
  } catch (error) {
    if (error instanceof NotStarted) this.process.exitCode = error.code;
    if (error instanceof CommandError) return error;
    throw error;
  }
}

/** Once, and once more where what it was held for is approved meanwhile. */
async function lastOf(
  once: () => Promise<Ended>,
  wait: (held: readonly HeldApproval[]) => Promise<"approved" | "denied" | "pending">,
  telling: Telling,
): Promise<Ended> {
  const ended = await once();
  if (ended.outcome !== "pending") return ended;
  const said = await wait(ended.held);
  if (said !== "approved") return { ...ended, outcome: said };
  telling.again();
  return once();
}

/** As `kubectl apply -f -`. */
function readsInput(words: readonly string[]): boolean {
  return words.some((word) => ["-", "-f-", "-f=-", "--filename=-", "/dev/stdin"].includes(word));
}

async function runOnce(
  context: Context,
  connection: ConnectionFlags,
  words: readonly string[],
  telling: Telling,
  input: Uint8Array | undefined,
): Promise<Ended> {
  const over = new AbortController();
  const told = tellProgress(context, connection, words, telling, over.signal);
  const { hear, heard } = listener();
  try {
    const code = await context.commands.run(words, hear, input);
    return { code, ...(await outcomeOf(context, connection, code, heard())) };
  } finally {
    over.abort();
    await told;
  }
}

/** What a command that has failed was told at its end. One that went on after a hold and succeeded is done. */
async function outcomeOf(
  context: Context,
  connection: ConnectionFlags,
  code: number,
  { held, denied }: Heard,
): Promise<{ outcome: Outcome; held: HeldApproval[] }> {
  if (code === 0) return { outcome: "done", held: [] };
  const open: HeldApproval[] = [];
  let refused = denied;
  for (const one of held) {
    const approval = await approvalNow(context, connection, one);
    const phase = approval === undefined ? "Pending" : phaseAt(approval, context.now());
    if (phase === "Denied") refused = true;
    // Used: a later try of the command itself has got through.
    else if (phase !== "Used") open.push(one);
  }
  return { outcome: open.length > 0 ? "pending" : refused ? "denied" : "failed", held: open };
}

/** Waits for all of them. */
async function decisions(
  context: Context,
  connection: ConnectionFlags,
  held: readonly HeldApproval[],
  milliseconds: number,
  telling: Telling,
): Promise<"approved" | "denied" | "pending"> {
  const until = context.now() + milliseconds;
  const phases = await Promise.all(
    held.map(async (one) => {
      const approval = await decisionOn(context, connection, one, until - context.now());
      if (approval === undefined) return "Pending";
      telling.decided(approval);
      return phaseAt(approval, context.now());
    }),
  );
  if (phases.includes("Denied")) return "denied";
  return phases.every((phase) => phase === "Approved") ? "approved" : "pending";
}
