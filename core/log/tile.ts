/** Where the hashes and entries of a log lie: the paths of https://c2sp.org/tlog-tiles. */

export const TILE_HEIGHT = 8;
/** Hashes in a full tile, and entries in a full bundle. */
export const TILE_WIDTH = 256;
const MAX_LEVEL = 63;

/** `entries` is the bundle of the entries whose hashes the tile of level 0 has. */
export interface Tile {
  readonly level: number | "entries";
  readonly index: number;
  /** 1 to TILE_WIDTH; less than that is a partial tile. */
  readonly width: number;
}

export interface HashTile extends Tile {
  readonly level: number;
}

/** Relative to the log's prefix: `tile/0/x001/x234/067`, `tile/entries/000.p/17`. */
export function tilePath({ level, index, width }: Tile): string {
  return `tile/${level}/${indexPath(index)}${width === TILE_WIDTH ? "" : `.p/${width}`}`;
}

function indexPath(index: number): string {
  const digits = String(index);
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, "0").match(/\d{3}/g) ?? [];
  return groups.map((group, at) => (at === groups.length - 1 ? group : `x${group}`)).join("/");
}

const PATH = /^tile\/(entries|\d{1,2})\/((?:x\d{3}\/)*\d{3})(?:\.p\/(\d{1,3}))?$/;

/** Undefined for any path that tilePath does not write. */
export function parseTilePath(path: string): Tile | undefined {
  const [, level, groups = "", width] = PATH.exec(path) ?? [];
  if (level === undefined) return undefined;
  const tile: Tile = {
    level: level === "entries" ? level : Number(level),
    index: Number(groups.replaceAll(/[x/]/g, "")),
    width: width === undefined ? TILE_WIDTH : Number(width),
  };
  return isTile(tile) && tilePath(tile) === path ? tile : undefined;
}

function isTile({ level, index, width }: Tile): boolean {
  if (typeof level === "number" && level > MAX_LEVEL) return false;
  return Number.isSafeInteger(index) && width >= 1 && width <= TILE_WIDTH;
}

/** How many hashes the tiles of a level hold in a tree of that size. */
function hashesAt(level: number, size: number): number {
  return Math.floor(size / TILE_WIDTH ** level);
}

/** That tile of a tree of that size, as wide as it is there. */
export function tileAt(level: number | "entries", index: number, size: number): Tile | undefined {
  const hashes = hashesAt(level === "entries" ? 0 : level, size);
  const width = Math.min(hashes - index * TILE_WIDTH, TILE_WIDTH);
  return width > 0 ? { level, index, width } : undefined;
}

/** The partial tiles of a tree of that size, from level 0 up: those, and no others, change as it grows. */
export function edgeTiles(size: number): HashTile[] {
  const tiles: HashTile[] = [];
  for (let level = 0, hashes = size; hashes > 0; level += 1, hashes = hashesAt(level, size)) {
    const width = hashes % TILE_WIDTH;
    if (width > 0) tiles.push({ level, index: (hashes - width) / TILE_WIDTH, width });
  }
  return tiles;
}
