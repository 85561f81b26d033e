/** The ledger of a cluster, read through its API server. */
import { examineEntry } from "#core/ledger/examine.ts";
import { decodeBundle } from "#core/log/bundle.ts";
import { parseCheckpoint } from "#core/log/checkpoint.ts";
import type { StoredPayload } from "#core/log/contents.ts";
import { TILE_WIDTH, tileAt, tilePath } from "#core/log/tile.ts";
import type { Context } from "../context.ts";
import { CommandError } from "../failure.ts";
import type { ConnectionFlags } from "../flags.ts";
import { type Answer, type Ask, proxied, succeeded } from "../proxy.ts";
import type { Source } from "./source.ts";

const LOG = "/apis/hoop.dev/v1alpha1/ledgers/hoop/log/";

/** The server does not tell who is an agent. */
const NOT_SHOWN = "there is no ledger here that you may read: agents may not, in sessions neither";

export async function onlineSource(context: Context, flags: ConnectionFlags): Promise<Source> {
  const { ask, close } = await proxied(context, flags, LOG);
  try {
    const head = await ask("checkpoint");
    if (head.code === 404) throw new CommandError(NOT_SHOWN);
    const note = succeeded(head, "checkpoint");
    const keys = (await must(ask, "keys")).toString().split("\n");
    return { reader: readerOf(ask, note), keys: keys.filter((key) => key !== ""), own: () => [], close };
  } catch (error) {
    close();
    throw error;
  }
}

/** As of one checkpoint: what is appended meanwhile is another time's. */
function readerOf(ask: Ask, note: Buffer): Source["reader"] {
  const text = note.toString();
  const size = parseCheckpoint(text.slice(0, text.indexOf("\n\n") + 1))?.size ?? 0;
  /** Of the bundle at hand: most entries have none, and need not be asked about. */
  let payloads = new Set<number>();
  return {
    checkpoints: () => [note],
    bundle: async (index) => {
      const tile = tileAt("entries", index, size);
      const bytes = tile && (await maybe(ask, tilePath(tile)));
      if (bytes === undefined) return [];
      const found = decodeBundle(bytes)?.map((entry, at) => ({
        index: index * TILE_WIDTH + at,
        bytes: entry,
      }));
      const having = (found ?? []).filter((entry) => examineEntry(entry.bytes).payload !== undefined);
      payloads = new Set(having.map((entry) => entry.index));
      return found ?? "malformed";
    },
    tile: (tile) => maybe(ask, tilePath(tile)),
    payload: async (index) =>
      payloads.has(index) ? payloadOf(await ask(`payload/${index}`), index) : undefined,
    count: () => ({ entries: size }),
  };
}

function payloadOf({ code, body }: Answer, index: number): StoredPayload {
  if (code === 410) return "erased";
  return code === 404 ? undefined : succeeded({ code, body }, `payload ${index}`);
}

async function maybe(ask: Ask, path: string): Promise<Buffer | undefined> {
  const answer = await ask(path);
  return answer.code === 404 ? undefined : succeeded(answer, path);
}

async function must(ask: Ask, path: string): Promise<Buffer> {
  return succeeded(await ask(path), path);
}
