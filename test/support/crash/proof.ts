/** That the ledger proves itself, and has only grown since it last did. */
import { join } from "node:path";
import { hoop } from "../plugin.ts";
import type { Testbed } from "../testbed.ts";
import type { Violation } from "./check.ts";

/** The checkpoint of each call is kept beside the testbed's certificates, for the next. */
export async function proofViolations(bed: Testbed): Promise<Violation[]> {
  const kept = join(bed.certificates, "..", "kept.checkpoint");
  const { code, output } = await hoop(bed, "human", ["verify", "--keep", kept]);
  return code === 0 ? [] : [{ rule: "the ledger proves itself", what: output }];
}
