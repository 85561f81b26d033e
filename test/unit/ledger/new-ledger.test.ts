/** A ledger whose key is lost is ended, and another begins: the old one stays provable, and all else in the store stays. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import type { LogKeys } from "#core/log/appender.ts";
import type { Store } from "#kit/storage.ts";
import { ledgerKeys, passingKeys, verifierKeys } from "#ledger/key-file.ts";
import { sqliteStore } from "#store/sqlite.ts";
import { newLedger } from "../../../operator.ts";
import { keyFileIn, settingsIn } from "../../support/crash/steps/scenarios.ts";
import { hoop } from "../cli/scripted.ts";

describe("a new ledger", () => {
  let directory: string;
  let file: string;
  let old: LogKeys;
  let before: number;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), "hoop-new-ledger-"));
    file = join(directory, "hoop.db");
    old = await ledgerKeys(keyFileIn(directory));
    await withStore(old, async (store) => {
      const puts = ["approvals/a/1", "ledger/configuration", "outcomes/progress"].map((key) => ({
        key,
        value: "{}",
      }));
      await store.commit({ puts, lines: ['{"one":1}', '{"two":2}'] });
      before = await store.revision();
    });
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  async function withStore<T>(keys: LogKeys, work: (store: Store) => Promise<T>): Promise<T> {
    const store = await sqliteStore(file, { keys });
    return work(store).finally(() => store.close());
  }

  const signerLines = ({ signers }: LogKeys) => signers.map((signer) => `${signer}\n`).join("");

  it("begins with an entry that names the one before, under a key of its own", async () => {
    rmSync(keyFileIn(directory));
    const said = await newLedger(settingsIn(directory));
    const keys = await ledgerKeys(keyFileIn(directory));
    expect(keys.origin).not.to.equal(old.origin);
    expect(said).to.contain(keys.origin).and.to.contain(verifierKeys(keys)[0]);
    const lines = await withStore(keys, (store) => store.lines(0));
    expect(lines.map(({ line }) => JSON.parse(line))).to.have.length(1);
    const entry = JSON.parse(lines[0]?.line ?? "");
    expect(entry).to.deep.include({ kind: "gap", reason: "new-ledger" });
    expect(entry.message).to.contain(`${old.origin}: 2 entries, root `);
  });

  it("keeps what is in the store, but for rows about entries, and gives no revision twice", async () => {
    await newLedger(settingsIn(directory));
    await withStore(await ledgerKeys(keyFileIn(directory)), async (store) => {
      expect((await store.list("")).rows.map(({ key }) => key)).to.deep.equal(["approvals/a/1"]);
      expect(await store.revision()).to.be.greaterThan(before + 1_000_000_000);
      expect(await store.changes("approvals/", before)).to.deep.equal({ outcome: "expired" });
    });
  });

  it("keeps the store and the keys as they were, provable by the old public key", async () => {
    const signed = readFileSync(keyFileIn(directory), "utf8");
    await newLedger(settingsIn(directory));
    expect(readFileSync(`${keyFileIn(directory)}.closed`, "utf8")).to.equal(signed);
    const [key = ""] = verifierKeys(old);
    const { stdout } = await hoop(["verify", `${file}.closed`, "--key", key, "-o", "json"]);
    const { findings, proven } = JSON.parse(stdout);
    expect(proven).to.equal(2);
    // These two lines are no entries of Hoop's.
    expect(findings.every(({ kind }: { kind: string }) => kind === "entry-malformed")).to.equal(true);
  });

  it("takes the keys of another ledger that somebody has put in the place of the lost ones", async () => {
    const given = passingKeys();
    writeFileSync(keyFileIn(directory), signerLines(given));
    await newLedger(settingsIn(directory));
    expect(readFileSync(keyFileIn(directory), "utf8")).to.equal(signerLines(given));
    expect((await withStore(given, (store) => store.head())).note?.split("\n")[0]).to.equal(given.origin);
  });

  it("is refused while a process has the store, and where there is none", async () => {
    await withStore(old, async () => {
      const refused = await newLedger(settingsIn(directory)).catch(String);
      expect(refused).to.contain("in use by process");
    });
    rmSync(file);
    expect(await newLedger(settingsIn(directory)).catch(String)).to.contain("there is no");
  });
});
