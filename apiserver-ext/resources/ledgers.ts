/**
 * `ledgers`: the one ledger of this installation, `hoop`, as whoever wants to prove it needs it: its newest checkpoint
 * and the keys. Below `ledgers/hoop/log` lies the log itself in the layout of https://c2sp.org/tlog-tiles: `checkpoint`,
 * `tile/…`; and `keys`, one a line, and `payload/INDEX`, as it is kept. A right of its own: it shows what every agent did.
 */
import Type, { type Static } from "typebox";
import type { AgentMatcher } from "#core/agents.ts";
import { feedState } from "#core/audit/feed.ts";
import { knownKeys } from "#core/ledger/configuration.ts";
import { encodeBundle } from "#core/log/bundle.ts";
import { HASH_BYTES } from "#core/log/hash.ts";
import { parseTilePath, TILE_WIDTH, type Tile } from "#core/log/tile.ts";
import { micros } from "#core/times.ts";
import { type Connection, defineResource, type KubeObject, type WholeReader } from "#kit/resource.ts";
import { reached } from "#kit/resource-version.ts";
import { StatusError } from "#kit/status.ts";
import type { Store } from "#kit/storage.ts";
import { GROUP, VERSION } from "./group.ts";

export interface LedgersPorts {
  store: Store;
  agents: AgentMatcher;
}

const NAME = "hoop";

const LedgerStatus = Type.Object({
  origin: Type.String({ description: "Which ledger it is: the name of its keys." }),
  entries: Type.Integer({ description: "How many it has: as many as the checkpoint covers." }),
  checkpoint: Type.String({
    description:
      "The newest checkpoint: a signed note. Whoever keeps it can prove later that nothing before it changed.",
  }),
  keys: Type.Array(
    Type.Object({
      key: Type.String({ description: "Public key, as signed notes have it." }),
      since: Type.String({ description: "RFC 3339." }),
      size: Type.Integer({ description: "Entries before its first signature." }),
    }),
    { description: "All that have ever signed it, the newest last." },
  ),
  audit: Type.Optional(
    Type.Object(
      {
        since: Type.String({ description: "RFC 3339: when the first one came." }),
        heard: Type.String({ description: "RFC 3339: when the latest came, give or take some seconds." }),
        silentSince: Type.Optional(
          Type.String({ description: "RFC 3339: of what was let through since then no event has come." }),
        ),
        bodiesOfSecrets: Type.Optional(
          Type.String({
            description:
              "RFC 3339: when one last had more of a Secret or a token than its metadata: the audit policy gives too much.",
          }),
        ),
      },
      { description: "The API server's audit events. Left out: none has ever come." },
    ),
  ),
});

type LedgerObject = KubeObject & { kind: "Ledger"; status: Static<typeof LedgerStatus> };

export function ledgers(ports: LedgersPorts) {
  const isAgent = (caller: Connection["caller"]) => ports.agents.identify(caller).kind === "agent";
  return defineResource<LedgerObject>({
    group: GROUP,
    version: VERSION,
    kind: "Ledger",
    plural: "ledgers",
    scope: "Cluster",
    description:
      "A Ledger is the log that all records lie in, with what proves that they are as they were written.",
    schema: Type.Object({ status: LedgerStatus }),
    columns: [
      {
        name: "Entries",
        type: "integer",
        description: "How many it has.",
        cell: ({ status }) => status.entries,
      },
      {
        name: "Origin",
        type: "string",
        description: "Which ledger it is.",
        cell: ({ status }) => status.origin,
      },
    ],
    verbs: ["get", "list"],
    visible: (caller) => (isAgent(caller) ? () => false : undefined),
    storage: reader(ports.store),
    subresources: {
      log: {
        kind: "LedgerLog",
        methods: ["GET"],
        async connect({ info, path, response, caller }) {
          if (isAgent(caller) || info.name !== NAME) throw missing();
          const { type, bytes } = await found(ports.store, path.slice(1));
          response.statusCode = 200;
          response.setHeader("content-type", type);
          response.setHeader("content-length", bytes.length);
          response.end(bytes);
        },
      },
    },
  });
}

function reader(store: Store): WholeReader<LedgerObject> {
  return {
    async get(_, name, version) {
      await reached(store, version);
      return name === NAME ? object(store) : undefined;
    },
    async list({ version, accepts }) {
      const revision = await reached(store, version);
      return { items: [await object(store)].filter(accepts), resourceVersion: String(revision) };
    },
    // Not offered.
    async *watch() {},
  };
}

async function object(store: Store): Promise<LedgerObject> {
  const [head, keys, revision] = [await store.head(), await knownKeys(store), await store.revision()];
  const checkpoint = head.note ?? "";
  return {
    apiVersion: `${GROUP}/${VERSION}`,
    kind: "Ledger",
    metadata: {
      name: NAME,
      uid: "5f3c2f34-6a5e-4d6b-8c1e-9b0b8f6f2a10",
      creationTimestamp: keys[0] === undefined ? "1970-01-01T00:00:00Z" : `${keys[0].since.slice(0, 19)}Z`,
      resourceVersion: String(revision),
    },
    status: {
      ...{ origin: checkpoint.split("\n", 1)[0] ?? "", entries: head.size, checkpoint, keys },
      ...(await auditOf(store)),
    },
  };
}

async function auditOf(store: Store): Promise<Pick<Static<typeof LedgerStatus>, "audit">> {
  const state = await feedState(store);
  if (state === undefined) return {};
  const { since, heard, silentSince, tooMuch } = state;
  return {
    audit: {
      since: micros(since),
      heard: micros(heard),
      ...(silentSince === undefined ? {} : { silentSince: micros(silentSince) }),
      ...(tooMuch === undefined ? {} : { bodiesOfSecrets: micros(tooMuch) }),
    },
  };
}

interface Found {
  type: string;
  bytes: Uint8Array;
}

const TEXT = "text/plain; charset=utf-8";
const BYTES = "application/octet-stream";

async function found(store: Store, path: string): Promise<Found> {
  if (path === "checkpoint") return text((await store.head()).note ?? "");
  if (path === "keys") return text((await knownKeys(store)).map(({ key }) => `${key}\n`).join(""));
  const [, index] = /^payload\/(0|[1-9]\d{0,14})$/.exec(path) ?? [];
  if (index !== undefined) return { type: BYTES, bytes: await payload(store, Number(index)) };
  const tile = parseTilePath(path);
  if (tile === undefined) throw missing();
  return {
    type: BYTES,
    bytes: tile.level === "entries" ? await bundle(store, tile) : await hashes(store, tile),
  };
}

function text(content: string): Found {
  return { type: TEXT, bytes: Buffer.from(content) };
}

async function payload(store: Store, index: number): Promise<Uint8Array> {
  const kept = await store.payload(index);
  if (kept === undefined) throw missing();
  if (kept === "erased") throw new StatusError("Expired", "the payload was erased");
  return kept;
}

async function bundle(store: Store, { index, width }: Tile): Promise<Uint8Array> {
  const lines = await store.lines(index * TILE_WIDTH, width);
  if (lines.length < width) throw missing();
  return encodeBundle(lines.map(({ line }) => Buffer.from(line)));
}

async function hashes(store: Store, { level, index, width }: Tile): Promise<Uint8Array> {
  const tile = await store.tile(Number(level), index);
  if (tile === undefined || tile.length < width * HASH_BYTES) throw missing();
  return tile.subarray(0, width * HASH_BYTES);
}

function missing(): StatusError {
  return new StatusError("NotFound", "the server could not find the requested resource");
}
