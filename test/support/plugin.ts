/** `kubectl hoop …` as a person types it: kubectl finds the plugin on PATH, and the plugin kubectl. */
import { delimiter, dirname, join } from "node:path";
import type { Ended, Testbed, Who } from "./testbed.ts";

const CLI = join(import.meta.dirname, "..", "..", "cli");

export function hoop(bed: Testbed, who: Who, args: readonly string[]): Promise<Ended> {
  const path = [CLI, dirname(bed.controlPlane.kubectlPath), process.env["PATH"] ?? ""];
  return bed.kubectl(who, ["hoop", ...args], { env: { PATH: path.join(delimiter) } });
}
