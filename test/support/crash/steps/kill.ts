/** Runs a scenario on a copy of what it begins with, kills it at one of its steps, and looks at what is left. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { prepare, problemsIn, type Scenario } from "./scenarios.ts";

const WRITER = join(import.meta.dirname, "writer.ts");
const FAILPOINTS = join(import.meta.dirname, "..", "failpoints.ts");

export interface Stage {
  /** Runs it to its end. Gives all steps that it comes to. */
  steps(): Promise<string[]>;
  /** Kills it the nth time it comes to the step; `*`: to any. `killed` false: it ended before. */
  kill(step: string, nth: number): Promise<{ killed: boolean; problems: string[] }>;
  remove(): void;
}

export async function stageOf(scenario: Scenario): Promise<Stage> {
  const scratch = mkdtempSync(join(tmpdir(), "hoop-steps-"));
  const before = join(scratch, "before");
  const seen = join(scratch, "seen");
  const compiled = join(scratch, "compiled");
  await prepare(before, scenario);

  async function run(environment: Readonly<Record<string, string>>) {
    const directory = join(scratch, "now");
    rmSync(directory, { recursive: true, force: true });
    cpSync(before, directory, { recursive: true });
    const child = spawn(process.execPath, ["--import", FAILPOINTS, WRITER, scenario, directory], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, NODE_COMPILE_CACHE: compiled, ...environment },
    });
    const ended = once(child, "close");
    const [said, complaint] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
    const lines = said.split("\n").slice(0, -1);
    const killed = child.signalCode === "SIGKILL";
    const failed = !killed && lines.at(-1) !== "done" ? [`it ended by itself: ${complaint}`] : [];
    return { killed, problems: [...failed, ...(await problemsIn(directory, scenario, lines))] };
  }

  return {
    steps: async () => {
      const { problems } = await run({ HOOP_STEPS: seen });
      if (problems.length > 0) throw new Error(`${scenario}: ${problems.join("; ")}`);
      const steps = new Set(readFileSync(seen, "utf8").split("\n"));
      return [...steps].filter((step) => step !== "").sort();
    },
    kill: (step, nth) => run({ HOOP_KILL_AT: `${step}#${nth}` }),
    remove: () => rmSync(scratch, { recursive: true, force: true }),
  };
}
