/** That the ledger proves itself, and has only grown since it last did. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { hoop } from "../plugin.ts";
import type { Testbed } from "../testbed.ts";
import type { Violation } from "./check.ts";

const keptBy = (bed: Testbed) => join(bed.certificates, "..", "kept.checkpoint");

async function proven(bed: Testbed, rule: string, args: readonly string[]): Promise<Violation[]> {
  const { code, output } = await hoop(bed, "human", ["verify", ...args]);
  return code === 0 ? [] : [{ rule, what: output }];
}

/** The checkpoint of each call is kept beside the testbed's certificates, for the next. */
export function proofViolations(bed: Testbed): Promise<Violation[]> {
  return proven(bed, "the ledger proves itself", ["--keep", keptBy(bed)]);
}

/**
 * What a Hoop that was killed again and again, and has ended at last, leaves in the arena's directory, and its store: each
 * proves itself without it.
 */
export async function leftViolations(bed: Testbed, directory: string): Promise<Violation[]> {
  const published = join(directory, "published");
  const backups = existsSync(join(directory, "backups")) ? readdirSync(join(directory, "backups")) : [];
  const whole = backups
    .filter((name) => name.endsWith(".db"))
    .map((name) => join(directory, "backups", name));
  const key = ["--key", join(published, "keys")];
  const broken = [
    await proven(bed, "the store proves itself", [
      join(bed.certificates, "..", "data", "hoop.db"),
      ...key,
      "--checkpoint",
      keptBy(bed),
    ]),
    await proven(bed, "what is published proves itself", [published, ...key]),
  ];
  for (const backup of whole) broken.push(await proven(bed, "a backup proves itself", [backup, ...key]));
  const none = whole.length > 0 ? [] : [{ rule: "backups are made", what: "there is none" }];
  return [...broken.flat(), ...none];
}
