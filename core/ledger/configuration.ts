/** What is in force, as entries: whenever it is not what the entry before says. */
import { createHash } from "node:crypto";
import { isObject, type Json, type JsonObject } from "../admission.ts";
import { canonical } from "../canonical.ts";
import { maskText } from "../mask/patterns.ts";
import type { Clock, Random, Store } from "../ports.ts";
import { micros } from "../times.ts";
import type { ConfigurationEntry } from "./entry.ts";
import { lineWithPayload } from "./line.ts";

export type Configuration = Pick<ConfigurationEntry, "version" | "keys" | "agents" | "rules"> & {
  /** Without anything secret. */
  settings: JsonObject;
  /** The AgentPolicies of the cluster. */
  policies: readonly WrittenSpec[];
  /** Its AgentProfiles. */
  profiles: readonly WrittenSpec[];
};

export interface WrittenSpec {
  name: string;
  spec: JsonObject;
}

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

/** Of specs in the payload of one entry, in bytes: what is left is told by the next one. */
const MOST_TOLD = 1024 * 1024;

/** Specs are told once, so that each change costs what it says and not what all policies say. */
export async function recordConfiguration(
  { store, clock, random }: ConfigurationPorts,
  { settings, policies, profiles, ...said }: Configuration,
): Promise<void> {
  const specs = [...policies.map(maskedSpec("policies")), ...profiles.map(maskedSpec("profiles"))];
  const listed = {
    policies: ofKind(specs, "policies").map(({ name, digest }) => ({ name, digest })),
    profiles: ofKind(specs, "profiles").map(({ name, digest }) => ({ name, digest })),
  };
  const digest = sha256(canonical({ ...said, settings, ...listed }));
  for (;;) {
    const row = await store.get(CURRENT);
    const before = currentOf(row?.value);
    const known = new Set(before.told);
    const untold = specs.filter((one) => !known.has(one.digest));
    if (before.digest === digest && untold.length === 0) return;
    const telling = untold.slice(0, howMany(untold));
    const now = new Set([...known, ...telling.map((one) => one.digest)]);
    const told = [...new Set(specs.map((one) => one.digest))].filter((one) => now.has(one));
    const time = micros(clock.now());
    const entry: ConfigurationEntry = {
      schema: "hoop.dev/configuration/v2",
      kind: "configuration",
      time,
      ...said,
      ...listed,
    };
    const payload = {
      settings,
      policies: ofKind(telling, "policies").map(({ name, spec }) => ({ name, spec })),
      profiles: ofKind(telling, "profiles").map(({ name, spec }) => ({ name, spec })),
    };
    const puts = [
      { key: CURRENT, value: JSON.stringify({ digest, told }), expect: row?.revision ?? 0 },
      ...(await addedKeys(store, said.keys, time)),
    ];
    const result = await store.commit({ puts, lines: [lineWithPayload(entry, payload, random)] });
    if (result.outcome === "committed" && telling.length === untold.length) return;
  }
}
/** Which configuration was recorded last, and the digests of the specs in force that entries have told. */
interface Current {
  digest: string;
  told: readonly string[];
}

/** Earlier versions kept the digest alone. */
function currentOf(value: string | undefined): Current {
  if (value?.startsWith("{") !== true) return { digest: value ?? "", told: [] };
  return JSON.parse(value) as Current;
}

type SpecKind = "policies" | "profiles";

interface MaskedSpec {
  kind: SpecKind;
  name: string;
  spec: Json;
  digest: string;
  size: number;
}

function maskedSpec(kind: SpecKind): (written: WrittenSpec) => MaskedSpec {
  return ({ name, spec }) => {
    const masked = withoutSecrets(spec);
    const text = canonical(masked);
    return { kind, name, spec: masked, digest: sha256(text), size: Buffer.byteLength(text) };
  };
}

function ofKind(specs: readonly MaskedSpec[], kind: SpecKind): MaskedSpec[] {
  return specs.filter((one) => one.kind === kind);
}

/** Nothing in a policy or profile is meant to be secret. */
function withoutSecrets(value: Json): Json {
  if (typeof value === "string") return maskText(value);
  if (Array.isArray(value)) return value.map(withoutSecrets);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, withoutSecrets(inner)]));
}

/** At least one, where there is one. */
function howMany(specs: readonly MaskedSpec[]): number {
  let bytes = 0;
  const over = specs.findIndex(({ size }) => {
    bytes += size;
    return bytes > MOST_TOLD;
  });
  return over === -1 ? specs.length : Math.max(over, 1);
}

async function addedKeys(store: Store, keys: readonly string[], since: string) {
  const known = new Set((await knownKeys(store)).map(({ key }) => key));
  const { size } = await store.head();
  return keys
    .filter((key) => !known.has(key))
    .map((key): KnownKey => ({ key, since, size }))
    .map((one) => ({ key: `${KEYS}${idOf(one)}`, value: JSON.stringify(one) }));
}

/** All that have ever signed this ledger, by the time of their first signature. */
export async function knownKeys(store: Store): Promise<KnownKey[]> {
  const { rows } = await store.list(KEYS);
  const keys = rows.map(({ value }) => JSON.parse(value) as KnownKey);
  return keys.sort((one, other) => one.size - other.size || (one.since < other.since ? -1 : 1));
}

/** Ids of four bytes may meet. */
function idOf({ key }: KnownKey): string {
  return sha256(key).slice(0, 32);
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
