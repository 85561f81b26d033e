import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect } from "chai";
import { largeLedger } from "../../support/ledger/exported.ts";
import { type MadeLedger, madeLedger, PUBLIC_KEY } from "../../support/ledger/made.ts";
import { completions, hoop } from "./scripted.ts";

const MAIN = resolve(import.meta.dirname, "../../../cli/main.ts");
const SIZE = 9000;

describe("kubectl hoop export", function () {
  this.timeout(120_000);
  let scratch: string;
  let made: MadeLedger;
  const at = (name: string) => join(scratch, name);
  before(async () => {
    scratch = mkdtempSync(join(tmpdir(), "hoop-export-"));
    made = await madeLedger(scratch, 300);
    await largeLedger(at("large.db"), SIZE);
  });
  after(() => rmSync(scratch, { recursive: true, force: true }));

  it("takes - for standard output", async () => {
    const [named, unnamed] = await Promise.all([
      hoop(["export", made.file, "--key", PUBLIC_KEY, "-f", "-"]),
      hoop(["export", made.file, "--key", PUBLIC_KEY]),
    ]);
    expect(named.stdout)
      .to.match(/^\{"export":/)
      .and.to.equal(unnamed.stdout);
    expect(existsSync("-")).to.equal(false);
  });

  it("writes all of a database with what proves it, and its checkpoint beside it", async () => {
    const file = at("all.jsonl");
    const { code, stderr } = await hoop(["export", made.file, "-f", file, "--payloads", "--key", PUBLIC_KEY]);
    expect(code, stderr).to.equal(0);
    expect(stderr).to.contain(`${made.entries} entries exported to ${file}`);
    const verified = await hoop(["verify", file, "--key", PUBLIC_KEY]);
    expect(verified.stdout).to.contain("all that were signed are here, each in its place");
    expect(verified.code).to.equal(0);
    expect(readFileSync(`${file}.checkpoint`, "utf8")).to.equal(readFileSync(made.kept, "utf8"));
    expect(readdirSync(scratch).filter((name) => /part|resume/.test(name))).to.deep.equal([]);
  });

  it("writes the same to standard output, and from a published directory", async () => {
    const published = await hoop(["export", made.published]);
    const database = await hoop(["export", made.file]);
    expect(published.stdout).to.equal(database.stdout);
    expect(database.stdout.split("\n")).to.have.length(made.entries + 3);
  });

  it("names the very entries that are missing", async () => {
    const file = at("whole.jsonl");
    await hoop(["export", made.file, "--key", PUBLIC_KEY, "-f", file]);
    const lines = readFileSync(file, "utf8").split("\n");
    const without = async (from: number, count: number) => {
      writeFileSync(at("cut.jsonl"), lines.toSpliced(1 + from, count).join("\n"));
      return (await hoop(["verify", at("cut.jsonl"), "--key", PUBLIC_KEY])).stdout;
    };
    expect(await without(20, 1)).to.contain("FOUND    entries missing: entry 20\n");
    expect(await without(20, 3)).to.contain("FOUND    entries missing: entries 20 to 22\n");
  });

  it("says of a part what it proves, and what not", async () => {
    const file = at("part.jsonl");
    await hoop(["export", made.file, "-f", file, "--agent", "agent-3"]);
    const { code, stdout } = await hoop(["verify", file, "--key", PUBLIC_KEY]);
    expect(code).to.equal(0);
    expect(stdout).to.contain("each is in the ledger of").and.to.contain("agent agent-3");
    expect(stdout).to.contain("It does not prove that nothing is missing between");
  });

  it("says of a range of time that nothing in it is missing", async () => {
    const file = at("range.jsonl");
    await hoop(["export", made.file, "-f", file, "--since", "2030-01-15"]);
    const { stdout } = await hoop(["verify", file, "--key", PUBLIC_KEY]);
    expect(stdout).to.match(/Nothing is missing between the first and the last: entries \d+ to \d+\./);
  });

  it("makes a file of its own in a directory", async () => {
    mkdirSync(at("directory"));
    await hoop(["export", made.file, "--format", "ocsf", "-f", at("directory")]);
    expect(readdirSync(at("directory"))).to.deep.equal([
      "records.ocsf.jsonl",
      "records.ocsf.jsonl.checkpoint",
    ]);
  });

  it("says which kinds a format has no words for", async () => {
    const { stderr } = await hoop(["export", made.file, "--format", "audit.k8s.io"]);
    expect(stderr).to.contain(
      "Left out, since audit.k8s.io has no words for them: 1 configuration, 1 erasure",
    );
  });

  it("goes on after kills at any moment, and ends with the very same bytes", async () => {
    const file = at("killed.jsonl");
    const args = ["export", at("large.db"), "--payloads", "-f"];
    expect((await hoop([...args, at("unbroken.jsonl")])).code).to.equal(0);
    const whole = readFileSync(at("unbroken.jsonl"));
    for (const part of [0.05, 0.3, 0.6, 0.85]) {
      const killed = await killedAt(part * whole.length, [...args, file], `${file}.part`);
      if (!killed) break;
      // What a kill leaves behind the last place that was saved.
      if (existsSync(`${file}.part`)) appendFileSync(`${file}.part`, '{"entry":');
    }
    const finished = existsSync(file) && !existsSync(`${file}.resume`);
    const last = finished ? undefined : await hoop([...args, file]);
    expect(last?.code ?? 0, last?.stderr).to.equal(0);
    expect(readFileSync(file).equals(whole)).to.equal(true);
  });

  it("says where it goes on when it is interrupted, and lets nobody else write there meanwhile", async () => {
    const file = at("interrupted.jsonl");
    const args = ["export", at("large.db"), "--payloads", "-f", file];
    const others: { code: number; stderr: string }[] = [];
    const first = await hoop(args, {
      onSlept: async (interrupt) => {
        others.push(await hoop(args));
        interrupt();
      },
    });
    expect(others.map(({ code }) => code)).to.deep.equal([2]);
    expect(others[0]?.stderr).to.contain(`another export writes to ${file} (process ${process.pid} on `);
    expect(first.code).to.equal(2);
    const [, entry = ""] =
      /the same command goes on from there, at entry (\d+)\.\n$/.exec(first.stderr) ?? [];
    expect(existsSync(`${file}.lock`)).to.equal(false);
    const last = await hoop(args);
    expect(last.code, last.stderr).to.equal(0);
    expect(last.stderr).to.contain(`Going on at entry ${entry},`);
    const whole = at("uninterrupted.jsonl");
    await hoop([...args.slice(0, -1), whole]);
    expect(readFileSync(file).equals(readFileSync(whole))).to.equal(true);
  });

  it("takes over from one that was killed, and not from one on another machine", async () => {
    const file = at("locked.jsonl");
    const child = spawn(process.execPath, ["-e", ""]);
    await once(child, "close");
    const args = ["export", made.file, "-f", file];
    writeFileSync(`${file}.lock`, `${child.pid} elsewhere.invalid\n`);
    expect((await hoop(args)).stderr).to.contain(`remove ${file}.lock`);
    writeFileSync(`${file}.lock`, `${child.pid} ${hostname()}\n`);
    expect((await hoop(args)).code).to.equal(0);
    expect(existsSync(`${file}.lock`)).to.equal(false);
  });

  it("goes on by the filter that it began with, whatever 90d means by then", async () => {
    const file = at("since.csv");
    const now = 1_900_000_000_000 + 90 * 86_400_000;
    const args = ["export", at("large.db"), "--format", "csv", "--since", "90d", "-f", file];
    const whole = await hoop(["export", at("large.db"), "--format", "csv", "--since", "90d"], {
      now: now + 5000,
    });
    await halfOf(args, now + 5000, file);
    const { code, stderr } = await hoop(args, { now: now + 7000 });
    expect(code, stderr).to.equal(0);
    expect(stderr).to.contain("Going on at entry");
    expect(readFileSync(file, "utf8")).to.equal(whole.stdout);
  });

  /** Begins with a database that breaks off in the middle. */
  async function halfOf(args: string[], now: number, file: string): Promise<void> {
    const broken = at("broken.db");
    writeFileSync(broken, readFileSync(at("large.db")));
    const db = new DatabaseSync(broken);
    db.exec(`DELETE FROM lines WHERE number > ${SIZE / 2}`);
    db.close();
    renameSync(at("large.db"), at("aside.db"));
    renameSync(broken, at("large.db"));
    const { code, stderr } = await hoop(args, { now });
    renameSync(at("aside.db"), at("large.db"));
    expect(code, stderr).to.equal(1);
    expect(stderr).to.contain("not all there").and.to.contain("kubectl hoop verify");
    expect(existsSync(file)).to.equal(false);
  }

  for (const flags of [[], ["--agent", "agent-3"]])
    it(`goes on as of the checkpoint that it began with, though the ledger has grown: ${flags.join(" ")}`, async () => {
      const [file, ledger] = [at(`grown${flags.length}.jsonl`), at(`grown${flags.length}.db`)];
      writeFileSync(ledger, readFileSync(at("large.db")));
      const args = ["export", ledger, ...flags];
      const whole = await hoop(args);
      const db = new DatabaseSync(ledger);
      db.exec(
        "CREATE TABLE aside AS SELECT * FROM lines WHERE number BETWEEN 5000 AND 5200; DELETE FROM lines WHERE number BETWEEN 5000 AND 5200",
      );
      db.close();
      expect((await hoop([...args, "-f", file])).code).to.equal(1);
      const again = new DatabaseSync(ledger);
      again.exec("INSERT INTO lines SELECT * FROM aside; DROP TABLE aside");
      again.close();
      await largeLedger(ledger, 700);
      const { code, stderr } = await hoop([...args, "-f", file]);
      expect(code, stderr).to.equal(0);
      expect(stderr)
        .to.contain("Going on at entry")
        .and.to.contain(`checkpoint of ${SIZE + 1} entries`);
      expect(readFileSync(file, "utf8")).to.equal(whole.stdout);
    });

  const refused: Record<string, [prepare: (file: string) => Promise<unknown> | unknown, says: RegExp]> = {
    "a file that is there": [(file) => writeFileSync(file, "mine"), /is there already/],
    "the beginning of another export": [
      async (file) => {
        await halfOf(["export", at("large.db"), "-f", file], 0, file);
        writeFileSync(
          `${file}.resume`,
          readFileSync(`${file}.resume`, "utf8").replace("--format jsonl", "--format csv"),
        );
      },
      /beginning of another export \(export .*--format csv/,
    ],
    "a beginning that has lost its end": [
      async (file) => {
        await halfOf(["export", at("large.db"), "-f", file], 0, file);
        writeFileSync(
          `${file}.part`,
          readFileSync(`${file}.part`).subarray(0, statSync(`${file}.part`).size / 2),
        );
      },
      /is not what it was/,
    ],
  };
  for (const [number, [what, [prepare, says]]] of Object.entries(refused).entries())
    it(`refuses ${what}, and leaves it as it is`, async () => {
      const file = at(`refused-${number}.jsonl`);
      await prepare(file);
      const files = () =>
        readdirSync(scratch)
          .filter((name) => name.startsWith(`refused-${number}`))
          .map((name) => readFileSync(at(name)).toString("base64"));
      const kept = files();
      const { code, stderr } = await hoop(["export", at("large.db"), "-f", file]);
      expect(code).to.equal(2);
      expect(stderr).to.match(says);
      expect(files()).to.deep.equal(kept);
    });

  it("does not begin again what was finished before it could say so", async () => {
    const file = at("finished.jsonl");
    await halfOf(["export", at("large.db"), "-f", file], 0, file);
    const resume = readFileSync(`${file}.resume`);
    await hoop(["export", at("large.db"), "-f", file]);
    writeFileSync(`${file}.resume`, resume);
    const { code, stderr } = await hoop(["export", at("large.db"), "-f", file]);
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: `${file} was finished already.\n` });
    expect(existsSync(`${file}.resume`)).to.equal(false);
  });

  const wrong: Record<string, [args: () => string[], says: RegExp, code?: number]> = {
    "payloads of a directory that has none": [() => [made.published, "--payloads"], /has no payloads/, 2],
    "a time that is none": [() => ["--since", "yesterday"], /neither a time such as/, 1],
    "a kind that is none": [() => ["--kind", "outcom"], /not a kind of record: admission, .*brokered/, 1],
    "a path that is not there": [() => [at("nowhere")], /there is no /, 2],
    "keys of another ledger": [
      () => [made.file, "--key", PUBLIC_KEY.replace("+A", "+B")],
      /not a public key of a ledger/,
      2,
    ],
    "a file that is neither": [
      () => [at("kept.checkpoint")],
      /neither a database of Hoop's nor an export/,
      2,
    ],
  };
  for (const [what, [args, says, expected]] of Object.entries(wrong))
    it(`refuses ${what}`, async () => {
      const { code, stdout, stderr } = await hoop(["export", ...args()]);
      expect({ code, stdout }).to.deep.equal({ code: expected, stdout: "" });
      expect(stderr).to.match(says);
    });

  it("completes formats, kinds and files", async () => {
    expect(await completions(["export", "--format", ""])).to.contain("audit.k8s.io");
    expect(await completions(["export", "--kind", "ad"])).to.contain("admission");
    expect(await completions(["export", ""])).to.equal(":0\n");
    expect(await completions(["export", "-f", ""])).to.equal(":0\n");
  });
});

/** Runs the plugin and kills it once the file has so many bytes; false where it ended before. */
async function killedAt(bytes: number, args: readonly string[], file: string): Promise<boolean> {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: "ignore" });
  const ended = once(child, "close");
  while (child.exitCode === null && (statSync(file, { throwIfNoEntry: false })?.size ?? 0) < bytes)
    await new Promise((next) => setTimeout(next, 1));
  child.kill("SIGKILL");
  await ended;
  return child.signalCode === "SIGKILL";
}
