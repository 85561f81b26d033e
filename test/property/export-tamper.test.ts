/**
 * Whoever has an export and no key: whatever they change in it, `kubectl hoop verify` finds it. EXPORT_TAMPER_RUNS sets
 * how many alterations are tried (500 unless set).
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import fc from "fast-check";
import { jsonl } from "#core/export/jsonl.ts";
import { signCheckpoint } from "#core/log/checkpoint.ts";
import { leafHash } from "#core/log/hash.ts";
import { formatSigner, parseSigner } from "#core/log/keys.ts";
import { EMPTY_TREE, grow, rootOf } from "#core/log/tree.ts";
import { asBytes, bytesOf, coveredUp, exportedLines, verified } from "../support/ledger/exported.ts";
import { KEYS, type MadeLedger, madeLedger } from "../support/ledger/made.ts";

const SIZE = 290;
const RUNS = Number(process.env["EXPORT_TAMPER_RUNS"] ?? 500);
const SEED = 20_261_123;
const OWNER = parseSigner(KEYS.signers[0] ?? "");
const FORGER = parseSigner(formatSigner(KEYS.origin, Buffer.alloc(32, 98)));

/** Changes the lines, of which the first and the last are the frame. */
type Alter = (lines: string[]) => string[];

const far = fc.nat({ max: 1_000_000 });
const at = (lines: readonly string[], n: number) => 1 + (n % (lines.length - 2));
const lineAt = (lines: readonly string[], n: number) => lines[at(lines, n)] ?? "";
const put = (lines: readonly string[], place: number, ...instead: string[]) => [
  ...lines.slice(0, place),
  ...instead,
  ...lines.slice(place + 1),
];

function flipped(line: string, bit: number): string {
  const bytes = Buffer.from(line, "latin1");
  const byte = Math.floor(bit / 8) % bytes.length;
  bytes.writeUInt8(bytes.readUInt8(byte) ^ (1 << (bit % 8)), byte);
  return bytes.toString("latin1");
}

interface Line {
  entry: Record<string, unknown>;
  index: number;
  payload?: unknown;
  proof?: string[];
}

/** An entry of the forger's own, in a line as the format has it. */
function forged(index: number, agent: number, proof?: string): string {
  const entry = { agent: { username: `forged-${agent}` }, kind: "admission" };
  const proofs = proof === undefined ? undefined : (JSON.parse(proof) as Line).proof;
  return jsonl
    .line({
      index,
      entry,
      text: JSON.stringify(entry),
      payload: undefined,
      proof: proofs?.map((hash) => Buffer.from(hash, "base64")),
    })
    ?.trimEnd() as string;
}

/** Found by the bytes alone, whatever the export is of. */
const BY_BYTES: Readonly<Record<string, fc.Arbitrary<Alter>>> = {
  "a bit of any line": fc.tuple(far, far).map(
    ([n, bit]) =>
      (lines) =>
        put(lines, n % lines.length, flipped(lines[n % lines.length] ?? "", bit)),
  ),
  "the end cut off": fc.integer({ min: 1, max: 2000 }).map((cut) => (lines) => {
    const text = lines.join("\n");
    return text.slice(0, Math.max(1, text.length - cut)).split("\n");
  }),
  "lines removed": fc.tuple(far, fc.integer({ min: 1, max: 40 })).map(([n, count]) => (lines) => [
    ...lines.slice(0, at(lines, n)),
    ...lines.slice(Math.min(at(lines, n) + count, lines.length - 1)),
  ]),
  "two lines swapped": fc.tuple(far, far).map(([one, other]) => (lines) => {
    const [first, second] = [lineAt(lines, one), lineAt(lines, other)];
    return put(put(lines, at(lines, one), second), at(lines, other), first);
  }),
  "a line twice": far.map((n) => (lines) => put(lines, at(lines, n), lineAt(lines, n), lineAt(lines, n))),
  "a line too many": fc.tuple(far, fc.constantFrom("{}", "", '{"end":{}}', "null")).map(
    ([n, more]) =>
      (lines) =>
        put(lines, at(lines, n), lineAt(lines, n), more),
  ),
};

/** Found though the last line is made to fit again. */
const OF_ANY: Readonly<Record<string, fc.Arbitrary<Alter>>> = {
  "a bit of an entry, its payload or its proof": fc.tuple(far, far).map(
    ([n, bit]) =>
      (lines) =>
        put(lines, at(lines, n), flipped(lineAt(lines, n), bit)),
  ),
  "an entry replaced": fc.tuple(far, far).map(
    ([n, agent]) =>
      (lines) =>
        put(
          lines,
          at(lines, n),
          forged((JSON.parse(lineAt(lines, n)) as Line).index, agent, lineAt(lines, n)),
        ),
  ),
  "an entry put in": fc.tuple(far, far).map(
    ([n, agent]) =>
      (lines) =>
        put(lines, at(lines, n), forged(n, agent, lineAt(lines, n)), lineAt(lines, n)),
  ),
  "a line twice": far.map((n) => (lines) => put(lines, at(lines, n), lineAt(lines, n), lineAt(lines, n))),
  "two lines swapped": BY_BYTES["two lines swapped"] ?? fc.constant((lines) => lines),
  "another index": fc.tuple(far, far).map(([n, index]) => (lines) => {
    const line = lineAt(lines, n);
    return put(lines, at(lines, n), line.replace(/"index":\d+,/, `"index":${index % 400},`));
  }),
  "a payload gone": far.map((n) => (lines) => {
    const line = lines.findIndex(
      (text, place) => place >= at(lines, n) % 150 && text.includes('"payload":{"salt"'),
    );
    return put(lines, line, (lines[line] ?? "").replace(/,"payload":\{"salt".*?\}\}(?=[,}])/, ""));
  }),
  "a checkpoint of a key that is not the ledger's": far.map((size) => (lines) => {
    const root = rootOf(grow(EMPTY_TREE, [leafHash(Buffer.from("forged"))]));
    const checkpoint = signCheckpoint({ origin: KEYS.origin, size: 1 + (size % 400), root }, [FORGER]);
    return put(
      lines,
      0,
      (lines[0] ?? "").replace(/"checkpoint":".*?"/, asBytes(`"checkpoint":${JSON.stringify(checkpoint)}`)),
    );
  }),
};

/** In an export of all entries nothing can be missing. */
const OF_WHOLE: Readonly<Record<string, fc.Arbitrary<Alter>>> = {
  ...OF_ANY,
  "lines removed": BY_BYTES["lines removed"] ?? fc.constant((lines) => lines),
  "all from a line on removed": far.map((n) => (lines) => [
    ...lines.slice(0, at(lines, n)),
    lines.at(-1) ?? "",
  ]),
  "lines removed, and the others moved up": far.map(
    (n) => (lines) =>
      put(lines, at(lines, n)).map((line, place) =>
        place === 0 ? line : line.replace(/"index":\d+,/, `"index":${place - 1},`),
      ),
  ),
  "a payload told to be erased": far.map((n) => (lines) => {
    const line = lines.findIndex(
      (text, place) => place >= 100 + (at(lines, n) % 150) && text.includes('"salt"'),
    );
    return put(
      lines,
      line,
      (lines[line] ?? "").replace(/"payload":\{"salt".*?\}\}(?=[,}])/, '"payload":"erased"'),
    );
  }),
};

describe("tampering with an export", function () {
  this.timeout(60_000 + RUNS * 200);
  let scratch: string;
  let made: MadeLedger;
  const exports = new Map<string, string[]>();
  before(async () => {
    scratch = mkdtempSync(join(tmpdir(), "hoop-export-tamper-"));
    made = await madeLedger(scratch, SIZE);
    exports.set("all entries", await exportedLines(scratch, made.file, "--payloads"));
    exports.set("one agent", await exportedLines(scratch, made.file, "--payloads", "--agent", "agent-3"));
  });
  after(() => rmSync(scratch, { recursive: true, force: true }));

  const linesOf = (of: string) => exports.get(of) ?? [];
  const check = (lines: readonly string[], ...flags: string[]) =>
    verified(join(scratch, "altered.jsonl"), bytesOf(lines), ...flags);

  for (const part of ["all entries", "one agent"])
    it(`is not seen where there is none: of ${part}`, async () => {
      const { code, said } = await check(linesOf(part), "-o", "json");
      expect(code, said).to.equal(0);
      expect(JSON.parse(said)).to.deep.include({ findings: [], whole: part === "all entries" });
    });

  const cases = [
    ...Object.entries(BY_BYTES).flatMap(([what, alter]) =>
      ["all entries", "one agent"].map((part) => ({ part, what, alter, cover: (lines: string[]) => lines })),
    ),
    ...Object.entries(OF_WHOLE).map(([what, alter]) => ({
      part: "all entries",
      what,
      alter,
      cover: coveredUp,
    })),
    ...Object.entries(OF_ANY).map(([what, alter]) => ({ part: "one agent", what, alter, cover: coveredUp })),
  ];
  const each = Math.max(5, Math.ceil(RUNS / cases.length));
  for (const { part, what, alter, cover } of cases)
    it(`of ${part} is found in ${each} of ${each}: ${what}${cover === coveredUp ? ", and the end made to fit" : ""}`, async () => {
      const before = linesOf(part);
      const whole = before.join("\n");
      const alterations = alter
        .map((change) => cover(change(before)))
        .filter((lines) => lines.join("\n") !== whole);
      await fc.assert(
        fc.asyncProperty(alterations, async (lines) => {
          const { code, said } = await check(lines);
          // What is no export any more is not taken for one, or for anything else.
          expect(code, said).to.be.oneOf(/^\{"export":/.test(lines[0] ?? "") ? [1, 2] : [2]);
        }),
        { numRuns: each, seed: SEED },
      );
    });

  it("by an older one, or another history of the ledger's own key, is found by the checkpoint that was kept", async () => {
    const older = await exportedLines(scratch, made.older);
    expect(await check(older)).to.deep.include({ code: 0 });
    const rolledBack = await check(older, "--checkpoint", made.kept);
    expect(rolledBack.code).to.equal(1);
    expect(rolledBack.said).to.contain("rolled back");

    const lines = linesOf("all entries").slice(1, -1);
    const twin = [...lines.slice(0, -1), forged(lines.length - 1, 7)];
    const leaves = twin.map((line) =>
      leafHash(Buffer.from(JSON.stringify((JSON.parse(line) as Line).entry))),
    );
    const checkpoint = signCheckpoint(
      { origin: KEYS.origin, size: leaves.length, root: rootOf(grow(EMPTY_TREE, leaves)) },
      [OWNER],
    );
    const head = asBytes(jsonl.begin({ checkpoint, payloads: true, filter: undefined })).trimEnd();
    const forked = coveredUp([head, ...twin, ""]);
    expect(await check(forked)).to.deep.include({ code: 0 });
    const found = await check(forked, "--checkpoint", made.kept);
    expect(found.code).to.equal(1);
    expect(found.said).to.contain("forked");
  });
});
