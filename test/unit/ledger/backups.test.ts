import { existsSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { keepBackingUp, makeBackup } from "#ledger/backups.ts";
import { thrown } from "../../conformance/store/steps.ts";
import { ManualClock } from "../../support/clock.ts";

describe("backups", () => {
  let directory: string;
  let clock: ManualClock;
  let fails: boolean;
  const said: string[] = [];
  const tell = (_: object, text: string) => void said.push(text);
  const log = { info: tell, warn: tell, error: tell };
  const backup = async (file: string) => {
    if (fails) throw new Error("disk full");
    writeFileSync(file, "");
    const now = clock.now() / 1000;
    utimesSync(file, now, now);
  };
  beforeEach(() => {
    directory = join(mkdtempSync(join(tmpdir(), "hoop-backups-")), "made");
    clock = new ManualClock();
    fails = false;
    said.length = 0;
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const options = (keep: number, everySeconds = 100) => ({ directory, keep, everySeconds });
  const names = () => readdirSync(directory).sort();
  const turns = async (until: () => boolean) => {
    while (!until()) await new Promise((resolve) => setImmediate(resolve));
  };

  it("are kept as many as wanted, the newest, and nothing else is touched", async () => {
    for (let n = 0; n < 5; n += 1) {
      const file = await makeBackup({ backup, clock, log }, options(2));
      expect(existsSync(file)).to.equal(true);
      writeFileSync(join(directory, "notes.txt"), "");
      clock.advance(1000);
    }
    expect(names()).to.have.length(3);
    expect(names()).to.include("notes.txt");
  });

  it("do not cost an older one where they fail", async () => {
    await makeBackup({ backup, clock, log }, options(1));
    const before = names();
    clock.advance(1000);
    fails = true;
    expect(String(await thrown(() => makeBackup({ backup, clock, log }, options(1))))).to.contain(
      "disk full",
    );
    expect(names()).to.deep.equal(before);
  });

  it("are made when the newest is old enough, also after a restart", async () => {
    for (let start = 0; start < 2; start += 1) {
      const ends = new AbortController();
      const running = keepBackingUp({ backup, clock, log }, options(9), ends.signal);
      await turns(() => clock.sleeping > 0);
      expect(names()).to.have.length(start + 1);
      clock.advance(50_000);
      await turns(() => clock.sleeping > 0);
      expect(names()).to.have.length(start + 1);
      ends.abort();
      clock.advance(50_000);
      await running;
    }
  });

  it("that fail are told, and tried again", async () => {
    fails = true;
    const ends = new AbortController();
    const running = keepBackingUp({ backup, clock, log }, options(9), ends.signal);
    await turns(() => clock.sleeping > 0);
    expect(said).to.deep.equal(["the store could not be backed up"]);
    fails = false;
    clock.advance(100_000);
    await turns(() => said.length > 1);
    expect(names()).to.have.length(1);
    ends.abort();
    await running;
  });

  it("are made by themselves only where a time is set", async () => {
    await keepBackingUp({ backup, clock, log }, options(9, 0), new AbortController().signal);
    expect(existsSync(directory)).to.equal(false);
  });
});
