/**
 * A ledger in a directory, as it is published or exported: tlog-tiles, and where there are payloads, each as it is kept
 * in `payload/…`, by the path of its index; an empty file is one that was erased. As clients of tlog-tiles have it, the
 * ledger is what its checkpoint covers: what lies behind that is published, or about to be, and nobody has signed it yet.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { decodeBundle, encodeBundle } from "#core/log/bundle.ts";
import { parseCheckpoint } from "#core/log/checkpoint.ts";
import type { StoredEntry, StoredPayload } from "#core/log/contents.ts";
import type { Finding } from "#core/log/finding.ts";
import { HASH_BYTES } from "#core/log/hash.ts";
import { parseTilePath, TILE_WIDTH, type Tile, tileAt, tilePath } from "#core/log/tile.ts";
import type { LogReader } from "#core/log/verify.ts";

const PAYLOADS = "payload";

/** `payload/x001/x234/067`. */
export function payloadPath(index: number): string {
  return tilePath({ level: 0, index, width: TILE_WIDTH }).replace("tile/0", PAYLOADS);
}

/** Any of these tells that it is one. */
export function isLedgerDirectory(directory: string): boolean {
  return existsSync(join(directory, "checkpoint")) || existsSync(join(directory, "tile"));
}

/** One a line, old ones included; none where there is no such file. */
export function keysIn(directory: string): string[] {
  const text = read(join(directory, "keys"))?.toString() ?? "";
  return text.split("\n").filter((line) => line !== "");
}

export interface DirectoryReader extends LogReader {
  /** How many entries lie there that the checkpoint does not cover. */
  unsigned(): number;
}

export function directoryReader(directory: string): DirectoryReader {
  const at = (path: string) => read(join(directory, path));
  // Once: a publication may be under way.
  const note = at("checkpoint");
  const size = sizeOf(note);
  const payloads = filesIn(join(directory, PAYLOADS));
  return {
    checkpoints: () => (note === undefined ? [] : [note]),
    bundle: (index, width) =>
      width === 0 && size !== undefined ? [] : entriesOf(bundleAt(directory, index, width), index),
    // Where a tile is whole by now its part may be gone.
    tile: (tile) =>
      at(tilePath(tile)) ??
      at(tilePath({ ...tile, width: TILE_WIDTH }))?.subarray(0, tile.width * HASH_BYTES),
    ...(payloads === undefined ? {} : { payload: (index) => payloadAt(directory, index) }),
    count: () => ({
      entries: countEntries(directory, size),
      ...(payloads === undefined
        ? {}
        : {
            payloads: payloads.filter((path) => (read(join(directory, PAYLOADS, path))?.length ?? 0) > 0)
              .length,
          }),
    }),
    unsigned: () =>
      size === undefined ? 0 : Math.max(0, countEntries(directory) - countEntries(directory, size)),
  };
}

/** How many entries a note says that it covers: whether it may be believed, its signature tells. */
function sizeOf(note: Buffer | undefined): number | undefined {
  const text = note?.toString() ?? "";
  return parseCheckpoint(text.slice(0, text.indexOf("\n\n") + 1))?.size;
}

/**
 * What is wrong with files that no checkpoint needs: earlier partial tiles have to begin the one that the checkpoint
 * covers, and nothing else may lie among the tiles. What goes beyond the checkpoint is not looked at.
 */
export function strayFindings(directory: string): Finding[] {
  const size = sizeOf(read(join(directory, "checkpoint")));
  const files = filesIn(join(directory, "tile")) ?? [];
  return files.flatMap((name): Finding[] => {
    const path = `tile/${name.replaceAll(sep, "/")}`;
    const tile = parseTilePath(path);
    if (tile === undefined) return [{ kind: "tile-malformed", path }];
    return tile.width === TILE_WIDTH || isBeginning(directory, tile, size)
      ? []
      : [{ kind: "tile-altered", path }];
  });
}

/** Whether a partial tile is the beginning of what is signed, or goes beyond it. */
function isBeginning(directory: string, tile: Tile, size: number | undefined): boolean {
  const signed = size === undefined ? undefined : signedTile(tile, size);
  if (size !== undefined && (signed === undefined || signed.width < tile.width)) return true;
  const later = (signed && read(join(directory, tilePath(signed)))) ?? widest(directory, tile);
  const bytes = read(join(directory, tilePath(tile)));
  // Gone since it was listed: whole by now.
  if (bytes === undefined) return true;
  return later.subarray(0, bytes.length).equals(bytes) && hasWidth(bytes, tile);
}

/** As much of a tile as a checkpoint covers. */
function signedTile({ level, index }: Tile, size: number): Tile | undefined {
  const signed = tileAt(level === "entries" ? 0 : level, index, size);
  return signed && { ...signed, level };
}

function hasWidth(bytes: Buffer, { level, width }: Tile): boolean {
  return level === "entries" ? decodeBundle(bytes)?.length === width : bytes.length === width * 32;
}

function bundleAt(directory: string, index: number, width: number): Buffer | undefined {
  const exact = width > 0 ? read(join(directory, tilePath({ level: "entries", index, width }))) : undefined;
  if (exact !== undefined || width === TILE_WIDTH) return exact;
  const found = widest(directory, { level: "entries", index, width: TILE_WIDTH });
  if (found.length === 0) return undefined;
  const entries = width === 0 ? undefined : decodeBundle(found);
  return entries === undefined ? found : encodeBundle(entries.slice(0, width));
}

/** The file of that tile that has most of it. */
function widest(directory: string, tile: Tile): Buffer {
  const full = read(join(directory, tilePath({ ...tile, width: TILE_WIDTH })));
  if (full !== undefined) return full;
  const parts = join(directory, `${tilePath({ ...tile, width: TILE_WIDTH })}.p`);
  const widths = (filesIn(parts) ?? []).map(Number).filter((width) => width >= 1 && width < TILE_WIDTH);
  return (
    (widths.length === 0 ? undefined : read(join(parts, String(Math.max(...widths))))) ?? Buffer.alloc(0)
  );
}

function entriesOf(bundle: Buffer | undefined, index: number): StoredEntry[] | "malformed" {
  if (bundle === undefined) return [];
  const entries = decodeBundle(bundle);
  return entries?.map((bytes, at) => ({ index: index * TILE_WIDTH + at, bytes })) ?? "malformed";
}

/** Of the bundles that a checkpoint of that size needs; without one of the widest of each index, wherever it lies. */
function countEntries(directory: string, size = Number.POSITIVE_INFINITY): number {
  const files = filesIn(join(directory, "tile", "entries")) ?? [];
  const indexes = new Set(
    files.flatMap((name) => parseTilePath(`tile/entries/${name.replaceAll(sep, "/")}`)?.index ?? []),
  );
  let count = 0;
  for (const index of indexes) {
    const width = Math.min(TILE_WIDTH, size - index * TILE_WIDTH);
    if (width <= 0) continue;
    const bundle = Number.isFinite(size)
      ? bundleAt(directory, index, width)
      : widest(directory, { level: "entries", index, width: TILE_WIDTH });
    count += (bundle && decodeBundle(bundle)?.length) ?? 0;
  }
  return count;
}

function payloadAt(directory: string, index: number): StoredPayload {
  const bytes = read(join(directory, payloadPath(index)));
  return bytes?.length === 0 ? "erased" : bytes;
}

function read(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT" || code === "ENOTDIR" || code === "EISDIR") return undefined;
    throw error;
  }
}

/** Relative paths; undefined where there is no such directory. */
function filesIn(directory: string): string[] | undefined {
  if (!existsSync(directory)) return undefined;
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)));
}
