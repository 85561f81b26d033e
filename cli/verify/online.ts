/** The ledger of a cluster, read through its API server: by `kubectl proxy`, since tiles are bytes, and many. */
import { mkdtempSync, rmSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { examineEntry } from "#core/ledger/examine.ts";
import { decodeBundle } from "#core/log/bundle.ts";
import { parseCheckpoint } from "#core/log/checkpoint.ts";
import type { StoredPayload } from "#core/log/contents.ts";
import { TILE_WIDTH, tileAt, tilePath } from "#core/log/tile.ts";
import { connectionArgs } from "../api.ts";
import type { Context } from "../context.ts";
import { ApiError, CommandError } from "../failure.ts";
import type { ConnectionFlags } from "../flags.ts";
import type { Finished } from "../kubectl.ts";
import type { Source } from "./source.ts";

const LOG = "/apis/hoop.dev/v1alpha1/ledgers/hoop/log/";

interface Answer {
  code: number;
  body: Buffer;
}

type Ask = (path: string) => Promise<Answer>;

export async function onlineSource(context: Context, flags: ConnectionFlags): Promise<Source> {
  const directory = mkdtempSync(join(tmpdir(), "hoop-verify-"));
  const socket = join(directory, "proxy");
  const ends = new AbortController();
  const args = ["proxy", `--unix-socket=${socket}`, `--accept-paths=^${LOG}`, ...connectionArgs(flags)];
  const proxy = context.kubectl.follow(args, ends.signal);
  const agent = new Agent({ keepAlive: true });
  const close = () => {
    ends.abort();
    agent.destroy();
    void proxy.return({ code: 0, stdout: "", stderr: "" }).catch(() => undefined);
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    const began = await proxy.next();
    if (began.done === true) throw new CommandError(saidOf(began.value));
    const ask: Ask = (path) => asked(agent, socket, path);
    const note = await must(ask, "checkpoint");
    const keys = (await must(ask, "keys")).toString().split("\n");
    return { reader: readerOf(ask, note), keys: keys.filter((key) => key !== ""), own: () => [], close };
  } catch (error) {
    close();
    throw error;
  }
}

function saidOf({ code, stderr }: Finished): string {
  return stderr === "" ? `kubectl proxy ended with exit code ${code}` : stderr.replace(/^error: /, "");
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

function succeeded({ code, body }: Answer, path: string): Buffer {
  if (code === 200) return body;
  throw new ApiError("", `${path}: ${messageIn(body.toString()) ?? said(code, body)}`);
}

/** kubectl proxy says in plain text that it does not reach the API server. */
function said(code: number, body: Buffer): string {
  const text = body.toString("utf8", 0, 300).trim();
  return `the server answered ${code}${text === "" ? "" : `: ${text}`}`;
}

function messageIn(text: string): string | undefined {
  try {
    const status: unknown = JSON.parse(text);
    const isStatus = typeof status === "object" && status !== null && "message" in status;
    return isStatus && typeof status.message === "string" ? status.message : undefined;
  } catch {
    return undefined;
  }
}

function asked(agent: Agent, socketPath: string, path: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ agent, socketPath, path: `${LOG}${path}` }, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("error", reject);
      response.on("end", () => resolve({ code: response.statusCode ?? 0, body: Buffer.concat(parts) }));
    });
    sent.on("error", reject);
    sent.end();
  });
}
