/** What one user who searches a lot leaves to others. */
import { expect } from "chai";
import type { Asker, Search } from "#core/ledger/search.ts";
import { StatusError } from "#kit/status.ts";
import type { Store } from "#kit/storage.ts";
import { memoryStore } from "#store/memory.ts";
import { records } from "../../../apiserver-ext/resources/records.ts";
import { AGENTS, entryWithPayload, wholeList } from "../../support/search.ts";

const MOST = 20;

describe("searches of one user", () => {
  let store: Store;
  let askers: (Asker | undefined)[];
  let answer: () => void;
  let search: Search;
  beforeEach(async () => {
    store = memoryStore();
    await store.commit({ lines: [0, 1, 2].map((n) => entryWithPayload(n)) });
    askers = [];
    const answered = Promise.withResolvers<void>();
    answer = answered.resolve;
    search = {
      async find(_query, _window, asker) {
        askers.push(asker);
        await answered.promise;
        return { outcome: "found", indexes: [1] };
      },
    };
  });

  const reader = () =>
    records({ store, search, agents: AGENTS, installationNamespace: "hoop-system" }).storage;
  const request = (username: string, selector = "text=a* b*") => {
    const list = wholeList(selector);
    return { ...list, caller: { ...list.caller, username } };
  };
  const names = (page: Awaited<ReturnType<ReturnType<typeof reader>["list"]>>) =>
    "length" in page.items ? page.items.map(({ metadata }) => metadata.name) : [];
  const refusal = async (list: Promise<unknown>) =>
    list.then(
      () => "answered",
      (error: unknown) =>
        error instanceof StatusError ? [error.reason, error.details?.retryAfterSeconds] : error,
    );

  it("are refused beyond twenty at once, with the time to ask again; those of others, and lists without selectors, are not", async () => {
    const { list } = reader();
    const running = Array.from({ length: MOST }, () => list(request("eve")));
    expect(await refusal(list(request("eve")))).to.deep.equal(["TooManyRequests", 1]);
    expect(names(await list({ ...request("eve", ""), narrowed: false }))).to.deep.equal(["0", "1", "2"]);
    const others = list(request("ann"));
    answer();
    expect(names(await others)).to.deep.equal(["1"]);
    for (const one of running) expect(names(await one)).to.deep.equal(["1"]);
    expect(names(await list(request("eve")))).to.deep.equal(["1"]);
  });

  it("are no fewer after one that failed", async () => {
    const { list } = reader();
    answer();
    for (let n = 0; n < MOST; n += 1)
      expect(await refusal(list({ ...request("eve"), continue: "not a token" }))).to.be.an("array");
    expect(names(await list(request("eve")))).to.deep.equal(["1"]);
  });

  it("are told to the index with their name, and with when nobody waits any more", async () => {
    const { list } = reader();
    answer();
    const asked = request("eve");
    await list(asked);
    expect(askers).to.deep.equal([{ name: "eve", signal: asked.signal }]);
  });
});
