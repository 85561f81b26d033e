/** The values of a changing set of Secrets. Those that are gone are kept for a while: pods that read them still have them. */
import { createHash } from "node:crypto";
import { setImmediate as turn } from "node:timers/promises";
import { member, text } from "#core/admission.ts";
import { isPublicKey } from "#core/mask/names.ts";
import { type KnownValues, knownValues } from "#core/mask/values.ts";
import type { CoreSecret } from "#core/secrets/backend.ts";
import { RELEASE_TYPE } from "#core/secrets/helm-release.ts";
import { valuesOf } from "#core/secrets/view.ts";
import type { Revealed } from "#core/session/profile.ts";
import { StatusError } from "#kit/status.ts";

/** How long a value is kept after it is gone from its last Secret (milliseconds). */
const KEPT = 8 * 3_600_000;
/** When so many values can be forgotten, the index of values is built anew without them. */
const MOST_GONE = 1_000;
/** In characters of base64. Longer values are data rather than secrets, and looking for them in each answer would cost too much. */
const LONGEST_VALUE = 64 * 1024;
/** The most memory that the index of values may take, in bytes. */
const MOST_WEIGHT = 256 * 1024 * 1024;
/** After so many new values other work gets its turn. Adding one takes up to a tenth of a millisecond. */
const AT_ONCE = 50;

/** What a profile shows of the Secrets of the namespace that its session is in. */
export interface Shown {
  namespace: string;
  reveal: readonly Revealed[];
}

interface Kept {
  value: Buffer;
  /** How many Secrets hold it now. */
  uses: number;
  /** When one of them last held it (milliseconds since the epoch). */
  seen: number;
}

export class SecretValues {
  known: KnownValues = knownValues();
  readonly #now: () => number;
  readonly #shown: ReadonlyMap<string, readonly string[]>;
  readonly #where: string;
  /** All values that are looked for, by their hashes. */
  readonly #kept = new Map<string, Kept>();
  /** By the uid of each Secret: the version that was read, and the hashes of its values. */
  readonly #secrets = new Map<string, { version: string; values: readonly string[] }>();
  #added = 0;

  constructor(now: () => number, { namespace, reveal }: Shown) {
    this.#now = now;
    this.#where = namespace;
    this.#shown = new Map(reveal.map(({ secret, keys }) => [secret, keys]));
  }

  /** Takes over the values of a Secret as it is now. Resolves with its uid. Rejects where there are more values than can be looked for. */
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

  /** The Secret is gone. */
  leave(secret: CoreSecret): void {
    this.#release(text(member(secret, "metadata"), "uid"));
  }

  /** All other Secrets are gone. @param present uids. */
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
    // It is compressed, and so is repeated nowhere.
    if (text(secret, "type") === RELEASE_TYPE) return [];
    const metadata = member(secret, "metadata");
    const isHere = text(metadata, "namespace") === this.#where;
    const shown = (isHere && this.#shown.get(text(metadata, "name"))) || [];
    const hashes: string[] = [];
    for (const [key, encoded] of valuesOf(secret)) {
      if (isPublicKey(key) || shown.includes(key) || encoded.length > LONGEST_VALUE) continue;
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
