import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { verify } from "#core/log/verify.ts";
import type { Store } from "#kit/storage.ts";
import { directoryReader, isLedgerDirectory, payloadPath, strayFindings } from "#ledger/directory.ts";
import { passingKeys } from "#ledger/key-file.ts";
import { keepPublishing, Publisher } from "#ledger/publish.ts";
import { memoryStore } from "#store/memory.ts";
import { KEYS, TRUST } from "../../conformance/store/keys.ts";
import { thrown } from "../../conformance/store/steps.ts";
import { ManualClock } from "../../support/clock.ts";

describe("the published ledger", () => {
  let directory: string;
  let store: Store;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "hoop-published-"));
    store = memoryStore({ keys: KEYS });
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const append = async (to: Store, count: number, what = "line") => {
    const { size } = await to.head();
    await to.commit({ lines: Array.from({ length: count }, (_, n) => `${what} ${size + n}`) });
  };
  const report = async () => verify(directoryReader(directory), { trust: TRUST });
  const files = (folder: string) =>
    readdirSync(join(directory, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
      .sort();

  it("is in the layout of tlog-tiles, and proves itself at each size", async () => {
    const publisher = new Publisher(store, directory);
    for (const count of [1, 10, 245, 1, 300, 0]) {
      await append(store, count);
      await publisher.publish();
      const { size } = await store.head();
      expect(await report(), String(size)).to.deep.include({ intact: true, proven: size });
      expect(strayFindings(directory)).to.deep.equal([]);
    }
    expect(files("tile/entries")).to.deep.equal([
      ...["tile/entries/000", "tile/entries/001", "tile/entries/002.p/45"],
    ]);
    expect(files("tile/1")).to.deep.equal(["tile/1/000.p/1", "tile/1/000.p/2"]);
  });

  it("is gone on with by another process", async () => {
    await append(store, 300);
    await new Publisher(store, directory).publish();
    await append(store, 300);
    await new Publisher(store, directory).publish();
    expect(await report()).to.deep.include({ intact: true, proven: 600 });
  });

  describe("while a publication is under way", () => {
    const HELD = { "the parts before are there still": false, "the parts before are gone": true };
    /** 300 entries are signed, 540 lie there. */
    const begun = async (areGone: boolean) => {
      await append(store, 300);
      await new Publisher(store, directory).publish();
      const signed = readFileSync(join(directory, "checkpoint"));
      const parts = ["entries", "0"].map((level) => join(directory, `tile/${level}/001.p/44`));
      const before = parts.map((part) => readFileSync(part));
      await append(store, 240);
      await new Publisher(store, directory).publish();
      writeFileSync(join(directory, "checkpoint"), signed);
      if (areGone) return;
      for (const [n, part] of parts.entries()) {
        mkdirSync(dirname(part), { recursive: true });
        writeFileSync(part, before[n] ?? "");
      }
    };
    const alter = (path: string, at: (length: number) => number) => {
      const bytes = readFileSync(join(directory, path));
      const place = at(bytes.length);
      bytes.writeUInt8(bytes.readUInt8(place) ^ 1, place);
      writeFileSync(join(directory, path), bytes);
    };
    const isFine = async () => {
      expect(await report()).to.deep.include({ intact: true, proven: 300, findings: [] });
      expect(strayFindings(directory)).to.deep.equal([]);
      expect(directoryReader(directory).unsigned()).to.equal(240);
    };

    for (const [name, areGone] of Object.entries(HELD)) {
      it(`what is signed proves itself, and what lies behind it is no finding: ${name}`, async () => {
        await begun(areGone);
        await isFine();
      });

      it(`what lies behind it may be altered, since nobody has signed it: ${name}`, async () => {
        await begun(areGone);
        alter("tile/entries/001", (length) => length - 1);
        alter("tile/entries/002.p/28", () => 5);
        alter("tile/0/002.p/28", () => 5);
        await isFine();
      });

      it(`what is signed may not: ${name}`, async () => {
        await begun(areGone);
        alter(areGone ? "tile/entries/001" : "tile/entries/001.p/44", () => 5);
        expect((await report()).intact).to.equal(false);
      });
    }
  });

  it("writes the checkpoint only where there is another", async () => {
    const publisher = new Publisher(store, directory);
    await append(store, 3);
    await publisher.publish();
    rmSync(join(directory, "checkpoint"));
    await publisher.publish();
    expect(existsSync(join(directory, "checkpoint"))).to.equal(false);
    expect(isLedgerDirectory(directory)).to.equal(true);
  });

  const OTHERS: Record<string, { make: () => Promise<Store>; says: string }> = {
    "another ledger": {
      make: async () => memoryStore({ keys: passingKeys() }),
      says: "is of another ledger",
    },
    "a ledger that is behind": {
      make: async () => {
        const older = memoryStore({ keys: KEYS });
        await append(older, 4);
        return older;
      },
      says: "another history",
    },
    "another history of the same ledger": {
      make: async () => {
        const other = memoryStore({ keys: KEYS });
        await append(other, 20, "other");
        return other;
      },
      says: "another history",
    },
  };
  for (const [name, { make, says }] of Object.entries(OTHERS))
    it(`is not overwritten by ${name}`, async () => {
      await append(store, 9);
      await new Publisher(store, directory).publish();
      const before = readFileSync(join(directory, "checkpoint"), "utf8");
      const publisher = new Publisher(await make(), directory);
      for (let n = 0; n < 2; n += 1) expect(String(await thrown(() => publisher.publish()))).to.contain(says);
      expect(readFileSync(join(directory, "checkpoint"), "utf8")).to.equal(before);
      expect(await report()).to.deep.include({ intact: true, proven: 9 });
    });

  it("is not overwritten where its checkpoint cannot be read", async () => {
    writeFileSync(join(directory, "checkpoint"), "something else");
    expect(String(await thrown(() => new Publisher(store, directory).publish()))).to.contain(
      "is no checkpoint",
    );
  });

  it("says so where it cannot be published, and tries again", async () => {
    const clock = new ManualClock();
    const said: string[] = [];
    const log = {
      info: () => undefined,
      warn: () => undefined,
      error: (_: object, text: string) => said.push(text),
    };
    let fails = true;
    let published = 0;
    const publish = async () => {
      if (fails) throw new Error("disk full");
      published += 1;
    };
    const ends = new AbortController();
    const running = keepPublishing({ publish }, { clock, log, everySeconds: 10 }, ends.signal);
    while (clock.sleeping === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(said).to.deep.equal(["the ledger could not be published"]);
    fails = false;
    clock.advance(10_000);
    while (published === 0) await new Promise((resolve) => setImmediate(resolve));
    ends.abort();
    clock.advance(10_000);
    await running;
    expect(published).to.equal(2);
  });

  it("has payloads, where there are any, by the path of their index", () => {
    expect(payloadPath(7)).to.equal("payload/007");
    expect(payloadPath(1_234_067)).to.equal("payload/x001/x234/067");
  });
});
