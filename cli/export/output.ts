/**
 * Where an export goes. In a file it grows as FILE.part, with FILE.resume beside it: how far it is on disk, saved so that
 * after a kill at any moment the same command goes on from there. What was written beyond that is cut off first.
 */
import { createHash, type Hash } from "node:crypto";
import {
  closeSync,
  existsSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import type { Progress } from "#core/export/export.ts";
import type { Filter } from "#core/export/filter.ts";
import { decodeTree, encodeTree } from "#core/log/tree.ts";
import { readWhole, writeWhole } from "#files/whole.ts";
import { CommandError } from "../failure.ts";
import { lock } from "./lock.ts";

/** What a run goes on from. */
export interface Saved {
  /** The signed note that it is of. */
  readonly note: string;
  readonly filter: Filter;
  readonly progress: Progress;
}

export interface Output {
  /** Undefined: from the beginning. */
  readonly saved: Saved | undefined;
  write(text: string): void;
  /** With what was written so far it can be gone on from here. */
  reached(saved: Saved): void;
  /** What was reached last is to be found again, whatever happens. */
  save(): Promise<void>;
  /** SHA-256 over all that was written, hex. */
  digest(): string;
  finish(note: string): Promise<void>;
  close(): void;
}

export function streamOutput(write: (text: string) => void): Output {
  const hash = createHash("sha256");
  return {
    saved: undefined,
    write: (text) => {
      hash.update(text);
      write(text);
    },
    reached: () => undefined,
    save: async () => undefined,
    digest: () => hash.copy().digest("hex"),
    finish: async () => undefined,
    close: () => undefined,
  };
}

const MODE = 0o600;

/**
 * `done`: an earlier run had finished it, and was ended before it had said so. One run at a time: FILE.lock says which.
 * @throws {CommandError} where another one is at it, or FILE is something else.
 */
export async function fileOutput(file: string, command: string): Promise<Output | "done"> {
  const unlock = lock(file);
  try {
    const output = await begun(file, command);
    if (output === "done") unlock();
    else output.whenClosed = unlock;
    return output;
  } catch (error) {
    unlock();
    throw error;
  }
}

async function begun(file: string, command: string): Promise<FileOutput | "done"> {
  const [part, resume] = [`${file}.part`, `${file}.resume`];
  const text = await readWhole(resume);
  if (text === undefined) {
    if (existsSync(file))
      throw new CommandError(`${file} is there already: name another file, or remove it first`);
    return new FileOutput(file, command, openSync(part, "w+", MODE), undefined);
  }
  const kept = JSON.parse(text) as Kept;
  if (kept.command !== command)
    throw new CommandError(
      `${part} is the beginning of another export (${kept.command}): go on with that command, name another file, or ` +
        `remove ${part} and ${resume}`,
    );
  if (!existsSync(part) && existsSync(file)) {
    rmSync(resume);
    return "done";
  }
  if (!existsSync(part) || statSync(part).size < kept.bytes)
    throw new CommandError(`${part} is not what it was: remove it and ${resume} to begin anew`);
  return new FileOutput(file, command, openSync(part, "r+"), kept);
}

/** The entry that an unfinished export to that file goes on at; undefined where it begins anew. */
export function goesOnAt(file: string): number | undefined {
  if (!existsSync(`${file}.resume`)) return undefined;
  const { tree } = JSON.parse(readFileSync(`${file}.resume`, "utf8")) as Kept;
  return decodeTree(Buffer.from(tree, "base64")).size;
}

/** FILE.resume. */
interface Kept {
  readonly command: string;
  readonly note: string;
  readonly filter: Filter;
  readonly bytes: number;
  readonly tree: string;
  readonly lines: number;
  readonly open: readonly number[];
  readonly unsaid: Readonly<Record<string, number>>;
}

class FileOutput implements Output {
  readonly saved: Saved | undefined;
  whenClosed: () => void = () => undefined;
  readonly #file: string;
  readonly #command: string;
  readonly #fd: number;
  readonly #hash: Hash = createHash("sha256");
  #bytes = 0;
  #reached: Kept | undefined;

  constructor(file: string, command: string, fd: number, kept: Kept | undefined) {
    this.#file = file;
    this.#command = command;
    this.#fd = fd;
    if (kept === undefined) return;
    const { note, filter, lines, open, unsaid } = kept;
    const tree = decodeTree(Buffer.from(kept.tree, "base64"));
    this.saved = { note, filter, progress: { tree, lines, open, unsaid } };
    ftruncateSync(fd, kept.bytes);
    this.#hashAgain(kept.bytes);
  }

  #hashAgain(bytes: number): void {
    const chunk = Buffer.alloc(1 << 20);
    while (this.#bytes < bytes) {
      const read = readSync(this.#fd, chunk, 0, chunk.length, this.#bytes);
      if (read === 0) throw new CommandError(`${this.#file}.part cannot be read to its end`);
      this.#hash.update(chunk.subarray(0, read));
      this.#bytes += read;
    }
  }

  write(text: string): void {
    const bytes = Buffer.from(text);
    this.#hash.update(bytes);
    for (let at = 0; at < bytes.length; )
      at += writeSync(this.#fd, bytes, at, bytes.length - at, this.#bytes + at);
    this.#bytes += bytes.length;
  }

  reached({ note, filter, progress }: Saved): void {
    this.#reached = {
      command: this.#command,
      note,
      filter,
      bytes: this.#bytes,
      tree: encodeTree(progress.tree).toString("base64"),
      lines: progress.lines,
      open: progress.open,
      unsaid: progress.unsaid,
    };
  }

  async save(): Promise<void> {
    if (this.#reached === undefined) return;
    fsyncSync(this.#fd);
    await writeWhole(`${this.#file}.resume`, JSON.stringify(this.#reached), MODE);
  }

  digest(): string {
    return this.#hash.copy().digest("hex");
  }

  async finish(note: string): Promise<void> {
    fsyncSync(this.#fd);
    await writeWhole(`${this.#file}.checkpoint`, note, 0o644);
    renameSync(`${this.#file}.part`, this.#file);
    rmSync(`${this.#file}.resume`, { force: true });
  }

  /** Nothing is left of what has not begun. */
  close(): void {
    closeSync(this.#fd);
    if (this.#bytes === 0) rmSync(`${this.#file}.part`, { force: true });
    this.whenClosed();
  }
}
