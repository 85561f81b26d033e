/** An export in a file, a line at a time: by bytes, since that is what was written. */
import { createHash } from "node:crypto";
import { createReadStream, existsSync, statSync } from "node:fs";
import type { ExportFile } from "#core/export/verify.ts";
import { CommandError } from "../failure.ts";
import { headOf } from "./source.ts";

const BEGINNING = '{"export":';
/** More than any line that was written: a payload is at most what the API server takes as a request. */
const LONGEST = 64 * 1024 * 1024;
const FEED = 0x0a;

export function isExport(path: string): boolean {
  if (!existsSync(path) || !statSync(path).isFile()) return false;
  return headOf(path, BEGINNING.length).toString() === BEGINNING;
}

/** Reads it once: how many lines, and what they hash to. */
export async function exportFile(path: string): Promise<ExportFile> {
  const hash = createHash("sha256");
  let first: Buffer | undefined;
  let last: Buffer | undefined;
  let lines = 0;
  for await (const line of linesIn(path)) {
    if (last !== undefined) hash.update(last);
    first ??= line;
    last = line;
    lines += 1;
  }
  const isOne = lines < 2;
  return {
    first: first?.subarray(0, -1) ?? Buffer.alloc(0),
    last: isOne ? undefined : last?.subarray(0, last.at(-1) === FEED ? -1 : 0),
    lines: Math.max(lines - 2, 0),
    digest: hash.digest("hex"),
    between: () => between(path, lines - 1),
  };
}

async function* between(path: string, end: number): AsyncGenerator<Buffer> {
  let at = 0;
  for await (const line of linesIn(path)) {
    if (at > 0 && at < end) yield line.subarray(0, -1);
    at += 1;
  }
}

/** Each with its line feed, which the last one may lack. */
async function* linesIn(path: string): AsyncGenerator<Buffer> {
  let rest: Buffer[] = [];
  let length = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
    let from = 0;
    for (let feed = chunk.indexOf(FEED); feed >= 0; feed = chunk.indexOf(FEED, from)) {
      yield Buffer.concat([...rest, chunk.subarray(from, feed + 1)]);
      rest = [];
      length = 0;
      from = feed + 1;
    }
    rest.push(chunk.subarray(from));
    length += chunk.length - from;
    if (length > LONGEST) throw new CommandError(`${path} has a line that is longer than any export has`);
  }
  if (length > 0) yield Buffer.concat(rest);
}
