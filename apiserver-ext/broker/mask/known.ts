/** The values of the Secrets that something in a namespace may repeat: followed while somebody asks for them. */
import type { KnownValues } from "#core/mask/values.ts";
import type { SecretsBackend } from "#core/secrets/backend.ts";
import { SecretValues, type Shown } from "./secret-values.ts";

/** For so long (milliseconds) they are followed when nobody asks any more. */
const IDLE = 60_000;
const MOST_NAMESPACES = 100;
/** Secrets in one answer. */
const PAGE = "500";

export class KnownSecrets {
  readonly #backend: SecretsBackend;
  readonly #now: () => number;
  readonly #followed = new Map<string, Followed>();

  constructor(backend: SecretsBackend, now: () => number) {
    this.#backend = backend;
    this.#now = now;
  }

  /**
   * Of a namespace; "": of all. More are added to them as they come, and those that were are known for hours. `fresh`:
   * those of this moment are read, for what goes on for long. Rejects where they cannot be read: nobody can tell then
   * what is to be masked.
   */
  of(namespace: string, fresh: boolean, shown: Shown = { namespace: "", reveal: [] }): Promise<KnownValues> {
    const key = JSON.stringify(shown.reveal.length === 0 ? [namespace] : [namespace, shown]);
    const known = this.#followed.get(key) ?? new Followed(this.#backend, this.#now, namespace, shown);
    // The one that was asked for last stands last.
    this.#followed.delete(key);
    this.#forget();
    this.#followed.set(key, known);
    return known.current(fresh);
  }

  /** Makes room for one. Values that have gone are known by nobody else: first go those that never had any. */
  #forget(): void {
    const empty = [...this.#followed].filter(([, { isEmpty }]) => isEmpty);
    for (const [key, other] of [...empty, ...this.#followed]) {
      if (this.#followed.size < MOST_NAMESPACES) return;
      other.stop();
      this.#followed.delete(key);
    }
  }
}

class Followed {
  readonly #backend: SecretsBackend;
  readonly #now: () => number;
  readonly #namespace: string;
  readonly #values: SecretValues;
  #reading: Promise<KnownValues> | undefined;
  /** While what is there is told as it changes. */
  #watch: AbortController | undefined;
  #asked = 0;

  constructor(backend: SecretsBackend, now: () => number, namespace: string, shown: Shown) {
    this.#backend = backend;
    this.#now = now;
    this.#namespace = namespace;
    this.#values = new SecretValues(now, shown);
  }

  current(fresh: boolean): Promise<KnownValues> {
    this.#asked = this.#now();
    if (!fresh && this.#watch !== undefined) return Promise.resolve(this.#values.known);
    if (fresh) return this.#read();
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  get isEmpty(): boolean {
    return !this.#values.known.any;
  }

  stop(): void {
    this.#watch?.abort();
  }

  async #read(): Promise<KnownValues> {
    const { signal } = new AbortController();
    const present = new Set<string>();
    let [resourceVersion, token] = ["", ""];
    do {
      const query = { limit: PAGE, ...(token === "" ? {} : { continue: token }) };
      const list = await this.#backend.list(this.#namespace, query, "whole", signal);
      for await (const part of list.items)
        for (const { secret } of part) present.add(await this.#values.take(secret));
      resourceVersion = list.resourceVersion;
      token = list.continue ?? "";
    } while (token !== "");
    this.#values.keepOnly(present);
    this.#follow(resourceVersion);
    return this.#values.known;
  }

  #follow(resourceVersion: string): void {
    if (this.#watch !== undefined) return;
    const watch = new AbortController();
    this.#watch = watch;
    const looking = setInterval(() => {
      if (this.#now() - this.#asked > IDLE) watch.abort();
    }, IDLE).unref();
    const query = { resourceVersion, allowWatchBookmarks: "true" };
    void this.#changes(query, watch.signal)
      // It is read anew when it is asked for.
      .catch(() => {})
      .finally(() => {
        clearInterval(looking);
        watch.abort();
        if (this.#watch === watch) this.#watch = undefined;
      });
  }

  async #changes(query: Record<string, string>, signal: AbortSignal): Promise<void> {
    for await (const events of this.#backend.watch(this.#namespace, query, signal))
      for (const event of events) {
        if (event.type === "DELETED") this.#values.leave(event.secret);
        else if (event.type !== "BOOKMARK") await this.#values.take(event.secret);
      }
  }
}
