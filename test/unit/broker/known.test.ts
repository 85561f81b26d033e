/** Which values are looked for: all there are, those that come, and those that have gone. */
import { expect } from "chai";
import { KnownSecrets } from "#apiserver-ext/broker/mask/known.ts";
import { type KnownValues, withoutValues } from "#core/mask/values.ts";
import type { BackendEvent, BackendList, CoreSecret, SecretsBackend } from "#core/secrets/backend.ts";

const secret = (name: string, data: Record<string, string>, rest: object = {}): CoreSecret => ({
  metadata: { name, namespace: "demo", uid: name, resourceVersion: JSON.stringify(data) },
  data: Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString("base64")]),
  ),
  ...rest,
});

/** Secrets in pages of two, and a watch that says what it is told. */
class Secrets implements Pick<SecretsBackend, "list" | "watch"> {
  lists = 0;
  #tell: (events: readonly BackendEvent[]) => void = () => {};
  #end: () => void = () => {};
  all: CoreSecret[];

  constructor(all: CoreSecret[]) {
    this.all = all;
  }

  async list(_namespace: string, query: Readonly<Record<string, string>>): Promise<BackendList> {
    this.lists++;
    const from = Number(query["continue"] ?? 0);
    const page = this.all.slice(from, from + 2).map((one) => ({ secret: one, keys: 1 }));
    const items = (async function* () {
      yield page;
    })();
    return {
      resourceVersion: "1",
      items,
      ...(from + 2 < this.all.length ? { continue: String(from + 2) } : {}),
    };
  }

  async *watch(): AsyncGenerator<readonly BackendEvent[]> {
    for (;;) {
      const next = Promise.withResolvers<readonly BackendEvent[] | undefined>();
      this.#tell = next.resolve;
      this.#end = () => next.resolve(undefined);
      const events = await next.promise;
      if (events === undefined) return;
      yield events;
    }
  }

  /** Resolves when it was taken. */
  async tell(...events: BackendEvent[]): Promise<void> {
    this.#tell(events);
    await new Promise((resolve) => setImmediate(resolve));
  }

  async end(): Promise<void> {
    this.#end();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const knows = (known: KnownValues, value: string) => withoutValues(known, `a ${value} b`) !== `a ${value} b`;

describe("the values that are looked for", () => {
  let now = 0;
  const known = (secrets: Secrets) => new KnownSecrets(secrets as unknown as SecretsBackend, () => now);
  beforeEach(() => {
    now = 0;
  });

  it("are those of all Secrets, however many pages these take, read once", async () => {
    const all = Array.from({ length: 5 }, (_, n) => secret(`s${n}`, { password: `secret-number-${n}` }));
    const secrets = new Secrets(all);
    const values = known(secrets);
    const found = await values.of("demo", false);
    for (let n = 0; n < 5; n++) expect(knows(found, `secret-number-${n}`), String(n)).to.equal(true);
    await values.of("demo", false);
    expect(secrets.lists).to.equal(3);
    await values.of("demo", true);
    expect(secrets.lists).to.equal(6);
  });

  it("are those of new Secrets, and for a while those of deleted ones", async () => {
    const secrets = new Secrets([secret("a", { password: "first-password" })]);
    const values = known(secrets);
    const found = await values.of("demo", false);
    await secrets.tell(
      { type: "MODIFIED", secret: secret("a", { password: "second-password" }) },
      { type: "ADDED", secret: secret("b", { password: "third-password" }) },
      { type: "DELETED", secret: secret("b", { password: "third-password" }) },
    );
    for (const value of ["first-password", "second-password", "third-password"])
      expect(knows(found, value), value).to.equal(true);
  });

  it("are read anew after the watch has ended", async () => {
    const secrets = new Secrets([]);
    const values = known(secrets);
    expect(knows(await values.of("demo", false), "new-password")).to.equal(false);
    await secrets.end();
    secrets.all = [secret("a", { password: "new-password" })];
    expect(knows(await values.of("demo", false), "new-password")).to.equal(true);
  });

  it("are not certificates and names, what a profile reveals of its own namespace, or Helm's releases", async () => {
    const data = { "ca.crt": "certificate-of-all", host: "db.example.com", password: "hunter2hunter2" };
    const chart = secret("c", { release: "H4sIAAAAAAAA-chart" }, { type: "helm.sh/release.v1" });
    const values = known(new Secrets([secret("db", data), chart]));
    const reveal = [{ secret: "db", keys: ["host"] }];
    const own = await values.of("demo", false, { namespace: "demo", reveal });
    expect(
      ["certificate-of-all", "db.example.com", "hunter2hunter2", "H4sIAAAAAAAA-chart"].map((one) =>
        knows(own, one),
      ),
    ).to.deep.equal([false, false, true, false]);
    const others = await values.of("demo", false, { namespace: "other", reveal });
    expect(knows(others, "db.example.com")).to.equal(true);
  });

  it("are an error where they cannot be read", async () => {
    const secrets = new Secrets([]);
    secrets.list = () => Promise.reject(new Error("no"));
    const error = await known(secrets)
      .of("demo", false)
      .catch((refused: unknown) => refused);
    expect(error).to.be.instanceOf(Error);
  });
});
