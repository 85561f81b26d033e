/**
 * Publishes the ledger to a directory, in the layout of https://c2sp.org/tlog-tiles: `checkpoint`, `tile/LEVEL/…`,
 * `tile/entries/…`; and the keys that have ever signed it in `keys`, one a line. Payloads stay where they are. Any web
 * server, or copy, of it lets others verify and watch the ledger. The checkpoint comes last: all that it covers is there.
 */
import { mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { knownKeys } from "#core/ledger/configuration.ts";
import { encodeBundle } from "#core/log/bundle.ts";
import { parseCheckpoint } from "#core/log/checkpoint.ts";
import { HASH_BYTES } from "#core/log/hash.ts";
import { rootFromTiles } from "#core/log/prove.ts";
import { TILE_WIDTH, type Tile, tileAt, tilePath } from "#core/log/tile.ts";
import type { Clock, Log } from "#core/ports.ts";
import { readWhole, writeWhole } from "#files/whole.ts";
import type { Store } from "#kit/storage.ts";

export class Publisher {
  readonly #store: Store;
  readonly #directory: string;
  /** How many entries the published checkpoint covers; undefined: not looked at yet. */
  #size: number | undefined;
  #note = "";
  /** Partial tiles that are whole now: of use as long as the checkpoint before is read. */
  #replaced: string[] = [];

  constructor(store: Store, directory: string) {
    this.#store = store;
    this.#directory = directory;
  }

  /** Brings the directory to where the ledger is. @throws Error where what is published is not this ledger's beginning. */
  async publish(): Promise<void> {
    this.#size ??= await this.#published();
    const { size, note } = await this.#store.head();
    if (note === undefined || note === this.#note) return;
    for (let level = 0; tileAt(level, 0, size) !== undefined; level += 1)
      await this.#tiles(level, this.#size, size);
    await this.#write("keys", (await knownKeys(this.#store)).map(({ key }) => `${key}\n`).join(""));
    await this.#write("checkpoint", note);
    for (const parts of this.#replaced.splice(0)) await rm(parts, { recursive: true, force: true });
    this.#size = size;
    this.#note = note;
  }

  async #published(): Promise<number> {
    const text = await readWhole(join(this.#directory, "checkpoint"));
    if (text === undefined) return 0;
    const checkpoint = parseCheckpoint(text.slice(0, text.indexOf("\n\n") + 1));
    if (checkpoint === undefined) throw new Error(`${join(this.#directory, "checkpoint")} is no checkpoint`);
    const { size, origin, root } = checkpoint;
    const head = await this.#store.head();
    const own = head.note?.split("\n", 1)[0];
    if (origin !== own) throw new Error(`${this.#directory} is of another ledger: ${origin}, not ${own}`);
    const isBeginning =
      size <= head.size && (await rootFromTiles(size, (tile) => this.#tile(tile))).equals(root);
    if (isBeginning) return size;
    throw new Error(
      `${this.#directory} has ${size} entries of another history than the ${head.size} here: where a backup was ` +
        "restored, keep that directory as it is and publish to a new one",
    );
  }

  /** Those of a level that were not whole, or not there, when it had fewer entries. */
  async #tiles(level: number, from: number, size: number): Promise<void> {
    const first = Math.floor(from / TILE_WIDTH ** (level + 1));
    for (let index = first; ; index += 1) {
      const tile = tileAt(level, index, size);
      if (tile === undefined) return;
      await this.#put(tile, await this.#tile(tile));
      if (level === 0) await this.#put({ ...tile, level: "entries" }, await this.#bundle(tile));
    }
  }

  async #put(tile: Tile, bytes: Uint8Array): Promise<void> {
    const path = tilePath(tile);
    await this.#write(path, bytes);
    if (tile.width === TILE_WIDTH) this.#replaced.push(join(this.#directory, `${path}.p`));
  }

  async #tile(tile: Tile): Promise<Uint8Array> {
    const hashes = await this.#store.tile(Number(tile.level), tile.index);
    if (hashes === undefined) throw new Error(`${tilePath(tile)} is missing in the store`);
    return hashes.subarray(0, tile.width * HASH_BYTES);
  }

  async #bundle({ index, width }: Tile): Promise<Uint8Array> {
    const lines = await this.#store.lines(index * TILE_WIDTH, width);
    return encodeBundle(lines.map(({ line }) => Buffer.from(line)));
  }

  async #write(path: string, content: string | Uint8Array): Promise<void> {
    const file = join(this.#directory, path);
    await mkdir(dirname(file), { recursive: true });
    // Always the same name, and not among the tiles: what a killed process leaves is written again, and no finding.
    await writeWhole(file, content, 0o644, join(this.#directory, "unfinished"));
  }
}

/** Publishes every so many seconds until the signal aborts, and once more then. */
export async function keepPublishing(
  publisher: Pick<Publisher, "publish">,
  { clock, log, everySeconds }: { clock: Clock; log: Log; everySeconds: number },
  signal: AbortSignal,
): Promise<void> {
  const publish = () =>
    publisher
      .publish()
      .catch((error: unknown) => log.error({ err: error }, "the ledger could not be published"));
  while (!signal.aborted) {
    await publish();
    await clock.sleep(everySeconds * 1000, signal);
  }
  await publish();
}
