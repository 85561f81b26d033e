/**
 * A ledger in a directory, as it is published or exported: tlog-tiles, and where there are payloads, each as it is kept
 * in `payload/…`, by the path of its index; an empty file is one that was erased.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { decodeBundle } from "#core/log/bundle.ts";
import type { StoredEntry, StoredPayload } from "#core/log/contents.ts";
import type { Finding } from "#core/log/finding.ts";
import { parseTilePath, TILE_WIDTH, type Tile, tilePath } from "#core/log/tile.ts";
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

export function directoryReader(directory: string): LogReader {
  const at = (path: string) => read(join(directory, path));
  const payloads = filesIn(join(directory, PAYLOADS));
  return {
    checkpoints: () => [at("checkpoint")].filter((note) => note !== undefined),
    bundle: (index, width) => entriesOf(bundleAt(directory, index, width), index),
    tile: (tile) => at(tilePath(tile)),
    ...(payloads === undefined ? {} : { payload: (index) => payloadAt(directory, index) }),
    count: () => ({
      entries: countEntries(directory),
      ...(payloads === undefined
        ? {}
        : {
            payloads: payloads.filter((path) => (read(join(directory, PAYLOADS, path))?.length ?? 0) > 0)
              .length,
          }),
    }),
  };
}

/**
 * What is wrong with files that no checkpoint needs: earlier partial tiles have to begin the later ones, and nothing
 * else may lie among the tiles.
 */
export function strayFindings(directory: string): Finding[] {
  const files = filesIn(join(directory, "tile")) ?? [];
  return files.flatMap((name): Finding[] => {
    const path = `tile/${name.replaceAll(sep, "/")}`;
    const tile = parseTilePath(path);
    if (tile === undefined) return [{ kind: "tile-malformed", path }];
    if (tile.width === TILE_WIDTH) return [];
    const later = widest(directory, tile);
    const bytes = read(join(directory, path)) ?? Buffer.alloc(0);
    return later.subarray(0, bytes.length).equals(bytes) && hasWidth(bytes, tile)
      ? []
      : [{ kind: "tile-altered", path }];
  });
}

function hasWidth(bytes: Buffer, { level, width }: Tile): boolean {
  return level === "entries" ? decodeBundle(bytes)?.length === width : bytes.length === width * 32;
}

function bundleAt(directory: string, index: number, width: number): Buffer | undefined {
  const exact = width > 0 ? read(join(directory, tilePath({ level: "entries", index, width }))) : undefined;
  if (exact !== undefined || width === TILE_WIDTH) return exact;
  const found = widest(directory, { level: "entries", index, width: TILE_WIDTH });
  return found.length === 0 ? undefined : found;
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

/** Of the widest bundle of each index, wherever it lies. */
function countEntries(directory: string): number {
  const files = filesIn(join(directory, "tile", "entries")) ?? [];
  const indexes = new Set(
    files.flatMap((name) => parseTilePath(`tile/entries/${name.replaceAll(sep, "/")}`)?.index ?? []),
  );
  let count = 0;
  for (const index of indexes)
    count += decodeBundle(widest(directory, { level: "entries", index, width: TILE_WIDTH }))?.length ?? 0;
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
