/** By whose keys a ledger is judged: those that were given, else those that it names itself. */
import { existsSync, readFileSync } from "node:fs";
import type { Trust } from "#core/log/checkpoint.ts";
import { parseVerifierKey, type VerifierKey } from "#core/log/keys.ts";
import { CommandError } from "../failure.ts";

export interface Trusted {
  readonly trust: Trust;
  /** Whether the keys came with the ledger: then a forger may have put them there. */
  readonly keysFromLedger: boolean;
}

/** @param given keys, or files of them. */
export function trustFor(given: readonly string[] | undefined, own: readonly string[]): Trusted {
  const keys = (given ?? []).flatMap(keysOf);
  return {
    trust: trustIn(keys.length > 0 ? keys : own.map(parsed)),
    keysFromLedger: keys.length === 0,
  };
}

/** A key, or the file it is in. */
function keysOf(given: string): VerifierKey[] {
  const text = existsSync(given) ? readFileSync(given, "utf8") : given;
  const lines = text.split("\n").map((line) => line.trim());
  return lines.filter((line) => line !== "" && !line.startsWith("#")).map(parsed);
}

function parsed(key: string): VerifierKey {
  try {
    return parseVerifierKey(key);
  } catch {
    throw new CommandError("not a public key of a ledger, nor a file of such: NAME+ID+BASE64");
  }
}

const NO_KEY =
  "no key is known to verify it by: name one with --key, as it was written down, or as the cluster tells it: " +
  "kubectl get ledger hoop -o jsonpath='{.status.keys[*].key}'";

function trustIn(keys: readonly VerifierKey[]): Trust {
  const [first] = keys;
  if (first === undefined) throw new CommandError(NO_KEY);
  if (keys.some(({ name }) => name !== first.name)) throw new CommandError("the keys are of several ledgers");
  return { origin: first.name, keys };
}
