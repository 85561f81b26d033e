import { randomBytes } from "node:crypto";
import { link, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { processIdentity } from "./process-identity.ts";

const content = (path: string): Promise<string | undefined> =>
  readFile(path, "utf8").then(
    (text) => text,
    () => undefined,
  );

const pidOf = (claim: string): number => Number.parseInt(claim, 10);

const isCode = (error: unknown, code: string): boolean =>
  error instanceof Error && "code" in error && error.code === code;

const tryLink = async (from: string, to: string): Promise<boolean> => {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (isCode(error, "EEXIST")) return false;
    throw error;
  }
};

const lives = (claim: string): boolean => processIdentity(pidOf(claim)) === claim;

/** The living process that holds the claim file `path`, as a pid. */
export const claimant = async (path: string): Promise<number | undefined> => {
  const held = await content(path);
  return held !== undefined && lives(held) ? pidOf(held) : undefined;
};

/**
 * Puts `mine` in the place of the claim that a dead process left behind. Only who has a claim of its own on that may: a
 * claim that was taken away and put back would be nobody's meanwhile, and two would have it.
 */
const inherit = async (path: string, dead: string, mine: string): Promise<boolean> => {
  const right = `${path}.heir`;
  if (!(await claim(right))) return false;
  try {
    if ((await content(path)) !== dead) return false;
    await rename(mine, path);
    return true;
  } finally {
    await release(right);
  }
};

/**
 * Claims the file `path` for this process until `release` or this process's end. False: a living process
 * (this one, too) holds it. The claim of a dead process is taken over.
 */
export const claim = async (path: string): Promise<boolean> => {
  const own = processIdentity(process.pid);
  if (own === undefined) throw new Error("cannot tell this process's own identity");
  await mkdir(dirname(path), { recursive: true });
  const mine = `${path}.${process.pid}-${randomBytes(6).toString("hex")}`;
  // A link appears with its content, whereas a file opened exclusively is empty for a moment and looks stale.
  await writeFile(mine, own);
  try {
    if (await tryLink(mine, path)) return true;
    const held = await content(path);
    if (held === undefined) return await tryLink(mine, path);
    return lives(held) ? false : await inherit(path, held, mine);
  } finally {
    await rm(mine, { force: true });
  }
};

/** Gives up a claim that this process holds; another's is left alone. */
export const release = async (path: string): Promise<void> => {
  if ((await claimant(path)) === process.pid) await rm(path, { force: true });
};
