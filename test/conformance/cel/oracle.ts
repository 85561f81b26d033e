/** Kubernetes' own admission CEL environment, in a Go program that answers lines of JSON. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { go } from "#controlplane/go.ts";

export interface Answer {
  /** Why it does not compile. */
  refused?: string;
  /** Why it has no value. */
  error?: string;
  value?: unknown;
}

/** The Go module of the oracle. */
export const SOURCE = join(import.meta.dirname, "..", "..", "controlplane", "cel-oracle");

/** Builds the oracle, which Go does quickly once it has, and asks it everything at once. */
export async function ask(questions: readonly object[]): Promise<Answer[]> {
  if (questions.length === 0) return [];
  const folder = mkdtempSync(join(tmpdir(), "hoop-cel-oracle-"));
  try {
    const program = join(folder, "cel-oracle");
    await go(SOURCE, ["build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-o", program, "."]);
    const input = questions.map((question) => `${JSON.stringify(question)}\n`).join("");
    const said = spawnSync(program, { input, encoding: "utf8", maxBuffer: 256 << 20 });
    if (said.status !== 0) throw new Error(`the oracle failed: ${said.stderr.slice(0, 2_000)}`);
    return said.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
