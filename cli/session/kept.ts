/** Tokens of sessions between two commands: in the user's cache directory, for his eyes alone. */
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import type { Context } from "../context.ts";
import { CommandError } from "../failure.ts";
import type { BegunSession } from "./exchange.ts";
import { keyOf, type Terms } from "./terms.ts";

export interface Kept {
  token: string;
  /** RFC 3339: until when the token is good. */
  until: string;
  session: BegunSession;
}

/** `ended`: somebody has logged out; it is not begun anew by itself. */
export type Found = Kept | "ended" | undefined;

export function fileOf({ environment }: Pick<Context, "environment">, terms: Terms): string {
  const caches = environment["XDG_CACHE_HOME"] || join(environment["HOME"] || homedir(), ".cache");
  return join(caches, "kubectl-hoop", `${keyOf(terms)}.json`);
}

/** What is unreadable is as if it were not there. */
export function keptIn(file: string): Found {
  try {
    const value = JSON.parse(readFileSync(file, "utf8")) as Kept | { ended: true };
    if ("ended" in value) return "ended";
    return typeof value.token === "string" && typeof value.session.name === "string" ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Never half of it. Throws a CommandError. */
export function keep(file: string, what: Kept | "ended"): void {
  const part = `${file}.${process.pid}`;
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(part, JSON.stringify(what === "ended" ? { ended: true } : what), { mode: 0o600 });
    renameSync(part, file);
  } catch (error) {
    rmSync(part, { force: true });
    throw new CommandError(`${file} cannot be written: ${error instanceof Error ? error.message : error}`);
  }
}

const LOOK_MILLISECONDS = 100;

/** One of us at a time: several commands at once begin one session. */
export async function alone<T>(context: Context, file: string, work: () => Promise<T>): Promise<T> {
  const lock = `${file}.lock`;
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  while (!taken(lock)) {
    await context.sleep(LOOK_MILLISECONDS);
    if (context.signal.aborted) throw new CommandError("interrupted");
  }
  held.add(lock);
  try {
    return await work();
  } finally {
    held.delete(lock);
    rmSync(lock, { force: true });
  }
}

/** By this process. In a container another one before it may have had its number. */
const held = new Set<string>();

/** That of a process that has ended is taken away, for the next look. */
function taken(lock: string): boolean {
  try {
    writeFileSync(lock, String(process.pid), { flag: "wx", mode: 0o600 });
    return true;
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST"))
      throw new CommandError(`${lock} cannot be written: ${error instanceof Error ? error.message : error}`);
    if (!isHeld(lock)) rmSync(lock, { force: true });
    return false;
  }
}

function isHeld(lock: string): boolean {
  try {
    const pid = Number(readFileSync(lock, "utf8"));
    // Just being written, or never to be.
    if (!(pid > 0)) return Date.now() - statSync(lock).mtimeMs < 5_000;
    process.kill(pid, 0);
    return pid !== process.pid || held.has(lock);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
