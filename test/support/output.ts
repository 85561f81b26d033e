/** What a kubectl prints while it is still running. */
import { once } from "node:events";
import type { Blocked } from "./testbed.ts";

/** All it has printed on standard output since this was called, as soon as that fits. Rejects when it ends before. */
export async function printed(
  { child, ended }: Pick<Blocked, "child" | "ended">,
  fits: RegExp,
): Promise<string> {
  let output = "";
  const read = (chunk: Buffer) => {
    output += chunk.toString();
  };
  child.stdout.on("data", read);
  const early = ended.then(({ output: all }) => {
    throw new Error(`it ended before it printed ${fits}: ${all}`);
  });
  early.catch(() => undefined);
  try {
    while (!fits.test(output)) await Promise.race([once(child.stdout, "data"), early]);
    return output;
  } finally {
    child.stdout.off("data", read);
  }
}

/** Ends it as Ctrl-C does. */
export async function interrupt({ child, ended }: Blocked): Promise<void> {
  child.kill("SIGINT");
  await ended;
}
