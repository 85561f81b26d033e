/** A small API on the kit over the memory store, and a client that talks to it over real sockets. */
import { type ClientHttp2Session, connect, createServer, type IncomingHttpHeaders } from "node:http2";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import Type from "typebox";
import type { Authentication } from "#kit/authn.ts";
import type { Authorization } from "#kit/authz.ts";
import { header } from "#kit/request.ts";
import type { RequestInfo } from "#kit/request-info.ts";
import { type AnyResource, defineResource, type KubeObject } from "#kit/resource.ts";
import { type ApiHandler, createApi } from "#kit/server.ts";
import { StatusError } from "#kit/status.ts";
import type { Store } from "#kit/storage.ts";
import { stored } from "#kit/stored.ts";
import { memoryStore } from "#store/memory.ts";

export interface Widget extends KubeObject {
  spec: { color: string; size: number };
}

const GROUP = "toy.example.com";
export const ROOT = `/apis/${GROUP}/v1`;

export const VERSION = {
  major: "0",
  minor: "1",
  gitVersion: "v0.1.0",
  gitCommit: "",
  gitTreeState: "",
  buildDate: "",
  goVersion: "",
  compiler: "",
  platform: "",
};

/** Rows `widgets/ns-NAMESPACE/NAME`; the namespace "gone" does not exist. Guests do not see what is secret. */
export function widgets(store: Store): AnyResource {
  return defineResource<Widget>({
    group: GROUP,
    version: "v1",
    kind: "Widget",
    plural: "widgets",
    singular: "widget",
    scope: "Namespaced",
    shortNames: ["wd"],
    categories: ["toys"],
    description: "A Widget is a thing with a colour.",
    schema: Type.Object({
      spec: Type.Object({
        color: Type.Union([Type.Literal("red"), Type.Literal("blue")], { description: "Its colour." }),
        size: Type.Integer({ minimum: 1 }),
      }),
    }),
    columns: [
      { name: "Color", type: "string", description: "Its colour.", cell: ({ spec }) => spec.color },
      {
        name: "Age",
        type: "date",
        description: "Since when.",
        cell: ({ metadata }) => metadata.creationTimestamp,
      },
      { name: "Size", type: "integer", description: "How big.", priority: 1, cell: ({ spec }) => spec.size },
    ],
    fields: { "spec.color": ({ spec }) => spec.color },
    visible: (caller) =>
      caller.username === "guest" ? ({ metadata }) => metadata.labels?.["secret"] !== "yes" : undefined,
    storage: stored<Widget>(store, {
      prefix: "widgets/",
      prefixOf: async (namespace) => (namespace === "gone" ? undefined : `ns-${namespace}`),
      accept: (key) => !key.startsWith("widgets/ns-old/"),
    }),
    subresources: {
      polish: {
        kind: "Polish",
        schema: Type.Object({
          shine: Type.Optional(Type.Union([Type.Literal("matt"), Type.Literal("bright")])),
          layers: Type.Optional(Type.Array(Type.Object({ thickness: Type.Integer({ minimum: 1 }) }))),
        }),
        verbs: ["get", "create", "update", "patch"],
        read: async (_caller, namespace, name) => polishOf(await existing(store, namespace, name)),
        write: async (_caller, namespace, name, body, { dryRun }) => {
          const row = await existing(store, namespace, name);
          const wanted = body.metadata.resourceVersion ?? String(row.revision);
          if (wanted !== String(row.revision))
            throw new StatusError("Conflict", "the object has been modified");
          const widget = JSON.parse(row.value) as Widget & { polish?: unknown };
          const { shine, layers } = body as KubeObject & { shine?: string; layers?: object[] };
          const value = JSON.stringify({ ...widget, polish: { shine, layers } });
          if (!dryRun) await store.commit({ puts: [{ key: row.key, value }] });
          return polishOf(dryRun ? { ...row, value } : await existing(store, namespace, name));
        },
      },
    },
  });
}

async function existing(store: Store, namespace: string, name: string) {
  const row = await store.get(`widgets/ns-${namespace}/${name}`);
  if (!row) throw new StatusError("NotFound", `widgets.${GROUP} "${name}" not found`);
  return row;
}

function polishOf(row: { value: string; revision: number }): KubeObject {
  const { metadata, polish } = JSON.parse(row.value) as Widget & { polish?: object };
  return {
    apiVersion: `${GROUP}/v1`,
    kind: "Polish",
    metadata: { ...metadata, resourceVersion: String(row.revision) },
    ...polish,
  };
}

export interface WidgetOptions {
  color?: string;
  labels?: Record<string, string>;
}

export interface Toy {
  store: Store;
  api: ApiHandler;
  logged: object[];
  /** Authorization attributes of the requests so far. */
  asked: RequestInfo[];
  deny: (info: RequestInfo) => boolean;
  put(namespace: string, name: string, options?: WidgetOptions): Promise<number>;
  remove(namespace: string, name: string): Promise<number>;
  call(path: string, options?: CallOptions): Promise<Reply>;
  watch(path: string, headers?: Record<string, string>): Promise<Watching>;
  /** The frames of a watch as they come, as text. */
  frames(path: string, headers?: Record<string, string>): Promise<AsyncGenerator<string, undefined>>;
  close(): Promise<void>;
}

export interface CallOptions {
  method?: string;
  headers?: Record<string, string>;
  body?: string | object;
}

export interface Reply {
  status: number;
  headers: IncomingHttpHeaders;
  bytes: Buffer;
  text: string;
  /** The body as JSON, to look into. */
  json: Loose;
}

// biome-ignore lint/suspicious/noExplicitAny: assertions look into whatever was answered
export type Loose = any;

export interface Watching {
  headers: IncomingHttpHeaders;
  /** The next frame; undefined at the end of the stream. */
  next(): Promise<Loose>;
  close(): void;
}

/** The user is whom the header `user` names; without it nobody is, and `nobody` is refused. */
export async function startToy(
  store: Store = memoryStore(),
  more: readonly AnyResource[] = [],
): Promise<Toy> {
  const logged: object[] = [];
  const asked: RequestInfo[] = [];
  const api = createApi({
    title: "Toys",
    resources: [widgets(store), ...more],
    version: VERSION,
    log: { error: (fields) => logged.push(fields) },
    namespaces: async (name) => (name === "gone" ? "missing" : name === "ending" ? "terminating" : "active"),
    authenticate: async (request): Promise<Authentication> => {
      const username = header(request, "user");
      if (username === "") return { outcome: "anonymous" };
      if (username === "nobody") return { outcome: "refused" };
      const caller = { username, uid: "", groups: [], extra: new Map() };
      return { outcome: "authenticated", caller, frontProxied: true };
    },
    authorize: async (_who, info): Promise<Authorization> => {
      asked.push(info);
      return toy.deny(info) ? { allowed: false, reason: "no rule" } : { allowed: true };
    },
  });
  const server = createServer({ maxSessionMemory: 1000 }, (request, response) => void api(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // Hundreds of watches travel on one connection, and the test reads some of them slowly.
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, {
    maxSessionMemory: 1000,
  });

  const toy: Toy = {
    ...{ store, api, logged, asked, deny: () => false },
    put: (namespace, name, options) => putWidget(store, namespace, name, options),
    async remove(namespace, name) {
      const result = await store.commit({ deletes: [{ key: `widgets/ns-${namespace}/${name}` }] });
      return result.outcome === "committed" ? result.revision : 0;
    },
    call: (path, options) => call(session, path, options),
    watch: (path, headers) => openWatch(session, path, headers),
    frames: async (path, headers) => (await openFrames(session, path, headers)).frames,
    async close() {
      await api.close();
      session.destroy();
      await new Promise((resolve) => server.close(resolve));
      await store.close();
    },
  };
  return toy;
}

export async function putWidget(
  store: Store,
  namespace: string,
  name: string,
  options: WidgetOptions = {},
): Promise<number> {
  const widget: Widget = {
    apiVersion: `${GROUP}/v1`,
    kind: "Widget",
    metadata: {
      ...{ name, namespace, uid: `uid-${name}`, creationTimestamp: "2026-01-01T00:00:00Z" },
      ...(options.labels ? { labels: options.labels } : {}),
    },
    spec: { color: options.color ?? "red", size: 1 },
  };
  const puts = [{ key: `widgets/ns-${namespace}/${name}`, value: JSON.stringify(widget) }];
  const result = await store.commit({ puts });
  return result.outcome === "committed" ? result.revision : 0;
}

async function call(session: ClientHttp2Session, path: string, options: CallOptions = {}): Promise<Reply> {
  const { method = "GET", headers = {}, body } = options;
  const sent = { ":path": path, ":method": method, user: "alice", ...headers };
  const stream = session.request(sent, { endStream: false });
  stream.end(typeof body === "string" || body === undefined ? body : JSON.stringify(body));
  const received = await responseOf(stream);
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  const bytes = Buffer.concat(chunks);
  const text = bytes.toString();
  return { status: Number(received[":status"]), headers: received, bytes, text, json: parsed(text) };
}

function parsed(text: string): Loose {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function responseOf(stream: ReturnType<ClientHttp2Session["request"]>): Promise<IncomingHttpHeaders> {
  return new Promise((resolve, reject) => {
    stream.once("response", resolve);
    stream.once("error", reject);
  });
}

async function openFrames(
  session: ClientHttp2Session,
  path: string,
  headers: Record<string, string> = {},
): Promise<{ headers: IncomingHttpHeaders; frames: AsyncGenerator<string, undefined>; close: () => void }> {
  const stream = session.request({ ":path": path, user: "alice", ...headers });
  stream.end();
  const received = await responseOf(stream);
  return { headers: received, frames: lines(stream), close: () => stream.close() };
}

async function openWatch(
  session: ClientHttp2Session,
  path: string,
  asked: Record<string, string> = {},
): Promise<Watching> {
  const { headers, frames, close } = await openFrames(session, path, asked);
  return {
    headers,
    async next() {
      const { value, done } = await Promise.race([frames.next(), late(path)]);
      return done ? undefined : JSON.parse(value);
    },
    close,
  };
}

async function late(path: string): Promise<never> {
  await delay(8000, undefined, { ref: false });
  throw new Error(`no frame came: ${path}`);
}

async function* lines(stream: AsyncIterable<Buffer>): AsyncGenerator<string, undefined> {
  let rest = "";
  for await (const chunk of stream) {
    const [last = "", ...complete] = (rest + chunk.toString()).split("\n").reverse();
    rest = last;
    yield* complete.reverse();
  }
  return undefined;
}
