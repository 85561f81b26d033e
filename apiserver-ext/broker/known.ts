/** The values of the Secrets that something in a namespace may repeat: read when they are needed, and kept for a moment. */
import { type KnownValues, knownValues } from "#core/mask/values.ts";
import type { SecretsBackend } from "#core/secrets/backend.ts";
import { valuesOf } from "#core/secrets/view.ts";

/** Milliseconds. */
const KEPT = 2_000;
const MOST_NAMESPACES = 100;
/** Of more Secrets than these the values are not all looked for; what looks like a secret is masked all the same. */
const MOST_SECRETS = 2_000;
/** Longer values are data rather than secrets, and would be looked for in each answer. */
const LONGEST_VALUE = 64 * 1024;
/** Public, or names. */
const PUBLIC_KEY = /(?:\.crt|^namespace|^username|^user)$/;

export class KnownSecrets {
  readonly #backend: SecretsBackend;
  readonly #now: () => number;
  readonly #kept = new Map<string, { until: number; values: Promise<KnownValues> }>();

  constructor(backend: SecretsBackend, now: () => number) {
    this.#backend = backend;
    this.#now = now;
  }

  /** Of a namespace; "": of all. `fresh`: as they are now, for what goes on for long. Rejects where they cannot be read: nobody can tell then what is to be masked. */
  of(namespace: string, fresh: boolean): Promise<KnownValues> {
    const now = this.#now();
    const kept = this.#kept.get(namespace);
    if (!fresh && kept !== undefined && kept.until > now) return kept.values;
    for (const [name, { until }] of this.#kept)
      if (until <= now || this.#kept.size >= MOST_NAMESPACES) this.#kept.delete(name);
    const values = this.#read(namespace);
    this.#kept.set(namespace, { until: now + KEPT, values });
    values.catch(() => this.#kept.delete(namespace));
    return values;
  }

  async #read(namespace: string): Promise<KnownValues> {
    const reading = new AbortController();
    const query = { limit: String(MOST_SECRETS) };
    const { items } = await this.#backend.list(namespace, query, "whole", reading.signal);
    const values: Buffer[] = [];
    for await (const part of items)
      for (const { secret } of part)
        for (const [key, encoded] of valuesOf(secret))
          if (!PUBLIC_KEY.test(key) && encoded.length <= LONGEST_VALUE)
            values.push(Buffer.from(encoded, "base64"));
    return knownValues(values);
  }
}
