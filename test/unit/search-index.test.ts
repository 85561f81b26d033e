/** The file of the search index: gone on with where it fits the ledger, made anew where it does not. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect } from "chai";
import { canonical } from "#core/canonical.ts";
import type { Query } from "#core/ledger/search.ts";
import type { Store } from "#kit/storage.ts";
import { type SearchIndex, searchIndex } from "#search/index.ts";
import { records } from "../../apiserver-ext/resources/records.ts";
import { clock } from "../../system.ts";
import { thrown } from "../conformance/store/steps.ts";
import {
  AGENTS,
  EVERYTHING,
  entryWithPayload,
  ledgerOf,
  listener,
  wholeList,
  wordOf,
} from "../support/search.ts";

const SIZE = 320;
const WRITER = join(import.meta.dirname, "..", "support", "search", "writer.ts");

describe("the file of the search index", () => {
  let directory: string;
  let file: string;
  let open: SearchIndex[];
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "hoop-search-"));
    file = join(directory, "hoop-search.db");
    open = [];
  });
  afterEach(async () => {
    for (const index of open) await index.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const start = (store: Store, log = listener().log, patience = 60_000) => {
    const index = searchIndex({ store, clock, log }, { file, patience });
    open.push(index);
    return index;
  };
  const found = async (index: SearchIndex, query: Partial<Query>) => {
    const answer = await index.find(
      { ...EVERYTHING, ...query },
      { from: 0, end: 1e9, limit: 1e6, newest: false },
    );
    return answer.outcome === "found" ? answer.indexes : answer.outcome;
  };
  const text = (...words: string[]) => ({ terms: [{ words, prefix: false }] });
  /** That all of the ledger is in it, and nothing else. */
  const mustBeWhole = async (index: SearchIndex, size: number, of?: string) => {
    for (const n of [0, 1, Math.floor(size / 2), size - 1])
      expect(await found(index, text(wordOf(n, of))), `entry ${n}`).to.deep.equal([n]);
    expect(await found(index, { since: 0 })).to.have.length(size);
  };
  const made = async (store: Store) => {
    const index = start(store);
    await mustBeWhole(index, (await store.head()).size);
    await index.close();
  };

  it("is gone on with, and nothing said of it", async () => {
    const store = await ledgerOf(SIZE);
    await made(store);
    await store.commit({ lines: [entryWithPayload(SIZE)] });
    const { log, told } = listener();
    await mustBeWhole(start(store, log), SIZE + 1);
    expect(told).to.deep.equal([]);
  });

  it("has what was committed the moment before", async () => {
    const store = await ledgerOf(10);
    const index = start(store);
    for (let n = 10; n < 60; n += 1) {
      await store.commit({ lines: [entryWithPayload(n)] });
      expect(await found(index, text(wordOf(n)))).to.deep.equal([n]);
    }
    expect(await index.behind()).to.equal(0);
  });

  const misfits: Record<
    string,
    { spoil: () => void | Promise<void>; size?: number; of?: string; why: RegExp }
  > = {
    "no database any more": {
      spoil: () => writeFileSync(file, "not a database, whatever it was".repeat(300)),
      why: /damaged/,
    },
    "cut off": { spoil: () => writeFileSync(file, readFileSync(file).subarray(0, 20_000)), why: /damaged/ },
    "overwritten in its midst": { spoil: overwrite, why: /damaged/ },
    "of another ledger": { spoil: () => undefined, of: "other", why: /not of this ledger/ },
    "ahead of a store that was restored": { spoil: () => undefined, size: SIZE - 100, why: /ahead/ },
    "without a table of words": { spoil: () => sql("DROP TABLE words0"), why: /do not fit|damaged/ },
    "of another version": { spoil: () => sql("PRAGMA user_version = 99"), why: /another version/ },
    "of a machine that went down meanwhile": {
      spoil: () => sql("UPDATE state SET boot = 'earlier'"),
      why: /went down/,
    },
    "without its tables": { spoil: () => sql("DROP TABLE kept"), why: /damaged/ },
  };
  for (const [how, { spoil, size = SIZE, of, why }] of Object.entries(misfits))
    it(`is made anew where it is ${how}, and says so`, async () => {
      await made(await ledgerOf(SIZE));
      await spoil();
      const { log, told } = listener();
      const index = start(await ledgerOf(size, of), log);
      await mustBeWhole(index, size, of);
      expect(told).to.have.length(1);
      expect(told[0])
        .to.match(/^the search index is made anew/)
        .and.match(why);
    });

  function sql(statement: string): void {
    const db = new DatabaseSync(file);
    db.exec(statement);
    db.close();
  }

  function overwrite(): void {
    const descriptor = openSync(file, "r+");
    const { size } = statSync(file);
    // Every page but the first, so that none is missed that is looked at.
    for (let at = 4096; at < size; at += 4096) writeSync(descriptor, Buffer.alloc(600, 0xee), 0, 600, at);
    closeSync(descriptor);
  }

  it("is not taken from another program, and searches do without it", async () => {
    sql("CREATE TABLE theirs (a); INSERT INTO theirs VALUES (1)");
    const before = readFileSync(file);
    const { log, told } = listener();
    const store = await ledgerOf(SIZE);
    const index = start(store, log);
    expect(await found(index, text(wordOf(3)))).to.equal("unavailable");
    expect(told[0])
      .to.match(/cannot be used/)
      .and.match(/another program/);
    expect(readFileSync(file).equals(before)).to.equal(true);
    const { storage } = records({
      store,
      search: index,
      agents: AGENTS,
      installationNamespace: "hoop-system",
    });
    const page = await storage.list(wholeList(`text=${wordOf(3)}`));
    expect(page.items).to.have.length(1);
  });

  it("has no word of a payload any more that was erased", async () => {
    const store = await ledgerOf(1500);
    const index = start(store);
    await mustBeWhole(index, 1500);
    const erased = Array.from({ length: 200 }, (_, n) => 1000 + n);
    await index.close();
    // Words that stand one after the other have their common beginning once.
    const written = (bytes: Buffer) => erased.filter((n) => bytes.includes(wordOf(n).slice(4)));
    expect(written(readFileSync(file))).to.have.length(200);
    const again = start(store);
    const spans = [{ from: 1000, to: 1200 }];
    const said = {
      schema: "hoop.dev/erasure/v1",
      kind: "erasure",
      time: "2026-11-21T10:00:00.000000Z",
      spans,
    };
    await store.commit({ lines: [canonical(said)], erase: spans });
    for (const n of [1000, 1100, 1199]) expect(await found(again, text(wordOf(n)))).to.deep.equal([]);
    // The entries themselves are found as before, and so is what lies beside others.
    expect(await found(again, text("cm", "1100"))).to.deep.equal([1100]);
    for (const n of [999, 1200]) expect(await found(again, text(wordOf(n)))).to.deep.equal([n]);
    await again.close();
    expect(written(readFileSync(file))).to.deep.equal([]);
    sql("INSERT INTO words0 (words0) VALUES ('integrity-check')");
  });

  it("says how far it has come while it is made, and answers nothing before", async () => {
    const store = await ledgerOf(300);
    const gate = Promise.withResolvers<void>();
    const slow: Store = {
      ...store,
      head: () => store.head(),
      onCommit: (listener) => store.onCommit(listener),
      payload: (at) => store.payload(at),
      lines: async (from, limit) => {
        await gate.promise;
        return store.lines(from, limit);
      },
    };
    const index = start(slow, listener().log, 1);
    const answer = await index.find(EVERYTHING, { from: 0, end: 300, limit: 1, newest: false });
    expect(answer).to.deep.equal({ outcome: "behind", entries: 0, of: 300 });
    expect(await index.behind()).to.equal(300);
    const { storage } = records({
      store,
      search: index,
      agents: AGENTS,
      installationNamespace: "hoop-system",
    });
    const error = await thrown(async () => storage.list(wholeList("agent=agent-3")));
    expect(error).to.include({ reason: "ServiceUnavailable" });
    expect(error).to.have.nested.property("details.retryAfterSeconds", 5);
    // Without selectors nothing waits.
    expect((await storage.list({ ...wholeList(""), limit: 5 })).items).to.have.length(5);
    gate.resolve();
    await index.close();
    await mustBeWhole(start(store), 300);
  });

  it("can be used after a kill at any moment", async () => {
    const entries = 1500;
    const store = await ledgerOf(entries);
    for (let round = 0; round < 3; round += 1) {
      const child = spawn(process.execPath, [WRITER, file, String(entries)], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      await once(child.stdout, "data");
      for (let spin = 0; spin < round * 40; spin += 1) await new Promise((resolve) => setImmediate(resolve));
      child.kill("SIGKILL");
      await once(child, "close");
      const { log, told } = listener();
      const index = start(store, log);
      await mustBeWhole(index, entries);
      await index.close();
      expect(told).to.deep.equal([]);
      if (round < 2) rmSync(file);
    }
  });
});
