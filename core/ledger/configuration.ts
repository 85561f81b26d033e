/** What is in force, as entries: whenever it is not what the entry before says. */
import { createHash } from "node:crypto";
import type { JsonObject } from "../admission.ts";
import { canonical } from "../canonical.ts";
import type { Clock, Random, Store } from "../ports.ts";
import { micros } from "../times.ts";
import type { ConfigurationEntry } from "./entry.ts";
import { lineWithPayload } from "./line.ts";

export type Configuration = Pick<ConfigurationEntry, "version" | "keys" | "agents" | "rules"> & {
  /** Without anything secret. */
  settings: JsonObject;
};

export interface ConfigurationPorts {
  store: Store;
  clock: Clock;
  random: Random;
}

/** A key of the ledger, as verifiers need it, and since when it signs. */
export interface KnownKey {
  key: string;
  /** RFC 3339. */
  since: string;
  /** Entries before its first signature. */
  size: number;
}

const CURRENT = "ledger/configuration";
const KEYS = "ledger/keys/";

export async function recordConfiguration(
  { store, clock, random }: ConfigurationPorts,
  { settings, ...said }: Configuration,
): Promise<void> {
  const digest = createHash("sha256")
    .update(canonical({ ...said, settings }))
    .digest("hex");
  for (;;) {
    const row = await store.get(CURRENT);
    if (row?.value === digest) return;
    const time = micros(clock.now());
    const entry: ConfigurationEntry = {
      schema: "hoop.dev/configuration/v1",
      kind: "configuration",
      time,
      ...said,
    };
    const known = new Set((await knownKeys(store)).map(({ key }) => key));
    const { size } = await store.head();
    const added = said.keys
      .filter((key) => !known.has(key))
      .map((key): KnownKey => ({ key, since: time, size }));
    const result = await store.commit({
      puts: [
        { key: CURRENT, value: digest, expect: row?.revision ?? 0 },
        ...added.map((one) => ({ key: `${KEYS}${idOf(one)}`, value: JSON.stringify(one) })),
      ],
      lines: [lineWithPayload(entry, { settings }, random)],
    });
    if (result.outcome === "committed") return;
  }
}

/** All that have ever signed this ledger, by the time of their first signature. */
export async function knownKeys(store: Store): Promise<KnownKey[]> {
  const { rows } = await store.list(KEYS);
  const keys = rows.map(({ value }) => JSON.parse(value) as KnownKey);
  return keys.sort((one, other) => one.size - other.size || (one.since < other.since ? -1 : 1));
}

/** Ids of four bytes may meet. */
function idOf({ key }: KnownKey): string {
  return createHash("sha256").update(key).digest("hex").slice(0, 32);
}
