/** The values of a changing set of Secrets, and those that were in it: pods have them still. */
import { createHash } from "node:crypto";
import { setImmediate as turn } from "node:timers/promises";
import { member, text } from "#core/admission.ts";
import { type KnownValues, knownValues } from "#core/mask/values.ts";
import type { CoreSecret } from "#core/secrets/backend.ts";
import { valuesOf } from "#core/secrets/view.ts";
import { StatusError } from "#kit/status.ts";
import type { Shown } from "./known.ts";

/** For so long (milliseconds) a value is known that has gone. */
const KEPT = 8 * 3_600_000;
/** So many values may have gone before those that stay are put together anew. */
const MOST_GONE = 1_000;
/** Longer values are data rather than secrets, and would be looked for in each answer. In base64. */
const LONGEST_VALUE = 64 * 1024;
/** Bytes of memory for looking for them. */
const MOST_WEIGHT = 256 * 1024 * 1024;
/** Values between which others have their turn: each takes up to a tenth of a millisecond. */
const AT_ONCE = 50;
/** Public, or names. */
const PUBLIC_KEY = /(?:\.crt|^namespace|^username|^user)$/;
/** A chart and its values, compressed. */
const RELEASE = "helm.sh/release.v1";

interface Kept {
  value: Buffer;
  /** Secrets that have it. */
  uses: number;
  /** When the last of them had it. */
  seen: number;
}

export class SecretValues {
  known: KnownValues = knownValues();
  readonly #now: () => number;
  readonly #shown: ReadonlyMap<string, readonly string[]>;
  readonly #where: string;
  /** By their hashes. */
  readonly #kept = new Map<string, Kept>();
  /** Hashes of the values of each Secret. */
  readonly #secrets = new Map<string, { version: string; values: readonly string[] }>();
  #added = 0;

  constructor(now: () => number, { namespace, reveal }: Shown) {
    this.#now = now;
    this.#where = namespace;
    this.#shown = new Map(reveal.map(({ secret, keys }) => [secret, keys]));
  }

  /** As it is now. Resolves with what tells it from others. Rejects where there are more than can be looked for. */
  async take(secret: CoreSecret): Promise<string> {
    const metadata = member(secret, "metadata");
    const [id, version] = [text(metadata, "uid"), text(metadata, "resourceVersion")];
    if (this.#secrets.get(id)?.version === version) return id;
    const values = await this.#valuesIn(secret);
    this.#release(id);
    for (const value of values) {
      const kept = this.#kept.get(value);
      if (kept !== undefined) kept.uses++;
    }
    this.#secrets.set(id, { version, values });
    return id;
  }

  leave(secret: CoreSecret): void {
    this.#release(text(member(secret, "metadata"), "uid"));
  }

  /** No other is there any more. */
  keepOnly(present: ReadonlySet<string>): void {
    for (const id of this.#secrets.keys()) if (!present.has(id)) this.#release(id);
    const until = this.#now() - KEPT;
    const gone = [...this.#kept].filter(([, { uses, seen }]) => uses === 0 && seen < until);
    if (gone.length < MOST_GONE) return;
    for (const [hash] of gone) this.#kept.delete(hash);
    this.known = knownValues([...this.#kept.values()].map(({ value }) => value));
  }

  #release(id: string): void {
    for (const hash of this.#secrets.get(id)?.values ?? []) {
      const kept = this.#kept.get(hash);
      if (kept === undefined) continue;
      kept.uses--;
      kept.seen = this.#now();
    }
    this.#secrets.delete(id);
  }

  async #valuesIn(secret: CoreSecret): Promise<string[]> {
    if (text(secret, "type") === RELEASE) return [];
    const metadata = member(secret, "metadata");
    const isHere = text(metadata, "namespace") === this.#where;
    const shown = (isHere && this.#shown.get(text(metadata, "name"))) || [];
    const hashes: string[] = [];
    for (const [key, encoded] of valuesOf(secret)) {
      if (PUBLIC_KEY.test(key) || shown.includes(key) || encoded.length > LONGEST_VALUE) continue;
      hashes.push(await this.#add(Buffer.from(encoded, "base64")));
    }
    return hashes;
  }

  async #add(value: Buffer): Promise<string> {
    const hash = createHash("sha256").update(value).digest("base64");
    if (this.#kept.has(hash)) return hash;
    if (this.known.index.weight > MOST_WEIGHT)
      throw new StatusError(
        "ServiceUnavailable",
        "there are more Secrets than can be masked: read one namespace",
      );
    this.#kept.set(hash, { value, uses: 0, seen: this.#now() });
    this.known.add(value);
    if (++this.#added % AT_ONCE === 0) await turn();
    return hash;
  }
}
