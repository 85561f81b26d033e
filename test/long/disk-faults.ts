/**
 * `npm run crash:disk`: the store's writes and fsyncs fail at random moments (by strace, which has to be installed), as on a
 * disk that is broken, full or has become read-only. Afterwards each commit that was answered is there, and the ledger
 * proves itself. Ends with 1 where that is not so.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { payloadDigest } from "#core/log/payload.ts";
import { verify } from "#core/log/verify.ts";
import { sqliteStore } from "#store/sqlite.ts";
import { ledgerFile } from "#store/sqlite-reader.ts";
import { KEYS, TRUST } from "../conformance/store/keys.ts";
import { allLines } from "../conformance/store/steps.ts";
import { optionsOf } from "../support/options.ts";

const WRITER = join(import.meta.dirname, "..", "conformance", "store", "writer.ts");
const FAULTS: Readonly<Record<string, string>> = {
  "fsync fails": "fdatasync,fsync:error=EIO",
  "the disk is full": "pwrite64:error=ENOSPC",
  "the file system has become read-only": "pwrite64:error=EROFS",
  "writes fail": "pwrite64:error=EIO",
};

const HELP = `npm run crash:disk -- [--rounds N (10)]
`;

const values = optionsOf(HELP, { rounds: { type: "string", default: "10" } });
const scratch = mkdtempSync(join(tmpdir(), "hoop-disk-"));
let broken = 0;

for (let round = 1; round <= Number(values.rounds); round += 1)
  for (const [name, fault] of Object.entries(FAULTS)) {
    const file = join(scratch, `${round}.db`);
    const when = 40 + Math.floor(Math.random() * 400);
    const said = await writtenUntilLost(file, `${fault}:when=${when}+`);
    const found = await problemsIn(file, said);
    broken += found.length;
    console.log(
      `round ${round} · ${name} from call ${when} on · ${said.length} answered · ${found.join("; ") || "fine"}`,
    );
    for (const each of [file, `${file}-wal`, `${file}-owner`]) rmSync(each, { force: true });
  }
rmSync(scratch, { recursive: true, force: true });
process.exit(broken === 0 ? 0 : 1);

/** What the writer said, line by line; that it lost its store is the last of it. */
async function writtenUntilLost(file: string, inject: string): Promise<string[]> {
  const calls = "trace=fdatasync,fsync,pwrite64";
  const args = [
    "-f",
    "-qq",
    "-e",
    calls,
    "-e",
    `inject=${inject}`,
    "-o",
    "/dev/null",
    process.execPath,
    WRITER,
    file,
  ];
  const child = spawn("strace", args, { stdio: ["ignore", "pipe", "inherit"] });
  const lines = (await text(child.stdout)).trim().split("\n");
  if (!lines.at(-1)?.startsWith("failed")) throw new Error(`the writer was not stopped: ${lines.at(-1)}`);
  return lines.filter((line) => line.endsWith(" ."));
}

async function problemsIn(file: string, said: readonly string[]): Promise<string[]> {
  const store = await sqliteStore(file, { keys: KEYS });
  const lines = await allLines(store);
  await store.close();
  const missing = said.filter((line) => {
    const [n, , , index] = line.split(" ");
    return lines[Number(index)] !== n;
  });
  const ledger = ledgerFile(file);
  // The payload of each line is the line itself.
  const examine = (bytes: Uint8Array) => ({ payload: payloadDigest(bytes) });
  const { findings } = await verify(ledger.reader, { trust: TRUST, examine });
  const problems = [...findings.map((finding) => JSON.stringify(finding)), ...ledger.problems()];
  ledger.close();
  return missing.length === 0 ? problems : [...problems, `${missing.length} answered commits are missing`];
}
