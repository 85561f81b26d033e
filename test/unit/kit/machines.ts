/** An API whose objects do what they are called, served over real sockets of both protocols. */
import { once } from "node:events";
import { createServer as createServer1 } from "node:http";
import { connect as connect2, createServer as createServer2 } from "node:http2";
import { type AddressInfo, connect as connect1, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import Type from "typebox";
import type { Authentication } from "#kit/authn.ts";
import type { RequestEvent } from "#kit/events.ts";
import { header } from "#kit/request.ts";
import type { RequestInfo } from "#kit/request-info.ts";
import { type Connection, defineResource, type KubeObject, type Reader } from "#kit/resource.ts";
import { type ApiHandler, type ApiOptions, createApi } from "#kit/server.ts";
import { StatusError } from "#kit/status.ts";
import type { Loose } from "./toy.ts";

export const MACHINES = "/apis/machines.example.com/v1/machines";
const NAMES = { group: "machines.example.com", version: "v1" };
const NEVER = new Promise<never>(() => {});

const storage: Reader<KubeObject> = {
  async get(_namespace, name) {
    if (name === "never") return NEVER;
    if (name === "broken") throw new Error("the secret of the store");
    const metadata = { name, uid: name, creationTimestamp: "2026-01-01T00:00:00Z", resourceVersion: "1" };
    return { apiVersion: `${NAMES.group}/v1`, kind: "Machine", metadata };
  },
  list: async () => ({ items: [], resourceVersion: "1" }),
  async *watch({ timeout }, signal) {
    yield [];
    const end = AbortSignal.any([signal, AbortSignal.timeout(Math.ceil(timeout))]);
    if (!end.aborted) await once(end, "abort");
  },
};

/** `wire` answers what it got, or does what its machine is called. */
async function wire(connection: Connection): Promise<void> {
  const { upgrade, response, info, path, headers, caller, closing } = connection;
  switch (info.name) {
    case "refuses":
      throw new StatusError("Forbidden", "not by wire");
    case "breaks":
      throw new Error("the wire broke");
    case "forgets":
      return;
    case "hangs":
      await once(closing, "abort");
      return;
  }
  if (!upgrade) {
    response.end(JSON.stringify({ verb: info.verb, path, headers, user: caller.username }));
    return;
  }
  upgrade.socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
  upgrade.socket.pipe(upgrade.socket);
  await once(closing, "abort");
}

export const machines = defineResource({
  ...{ ...NAMES, kind: "Machine", plural: "machines", scope: "Cluster", storage },
  schema: Type.Object({}),
  subresources: { wire: { kind: "Wire", methods: ["GET", "POST", "DELETE"], connect: wire } },
});
export const locked = defineResource({
  ...{ ...NAMES, kind: "Box", plural: "boxes", scope: "Namespaced", storage, verbs: ["get", "list"] },
  schema: Type.Object({}),
});

export interface Reply {
  status: number;
  headers: Loose;
  text: string;
  json: Loose;
}

export interface Served {
  api: ApiHandler;
  events: RequestEvent[];
  logged: object[];
  /** Authorization attributes of the requests so far. */
  asked: RequestInfo[];
  ports: { http1: number; http2: number };
  /** Over HTTP/2. The user is whom the header `user` names. */
  call(path: string, headers?: Record<string, string>, method?: string): Promise<Reply>;
  /** A connection of HTTP/1.1 on which this text was sent. */
  raw(sent: string): Socket;
  /** Everything that comes back until the connection is closed. */
  answerTo(sent: string): Promise<string>;
  close(): Promise<void>;
}

export async function startMachines(options: Partial<ApiOptions> = {}): Promise<Served> {
  const [events, logged, asked]: [RequestEvent[], object[], RequestInfo[]] = [[], [], []];
  const api = createApi({
    title: "Machines",
    resources: [machines, locked],
    version: {} as ApiOptions["version"],
    namespaces: async () => "active",
    log: { error: (fields) => logged.push(fields) },
    onRequest: (event) => events.push(event),
    authenticate: async (request): Promise<Authentication> => {
      const [username = "", group = ""] = header(request, "user").split(":");
      if (username === "") return { outcome: "anonymous" };
      const caller = { username, uid: "", groups: group === "" ? [] : [`system:${group}`], extra: new Map() };
      return { outcome: "authenticated", caller, frontProxied: username === "proxied" };
    },
    authorize: async (_who, info) => {
      asked.push(info);
      return { allowed: true };
    },
    ...options,
  });
  const server1 = createServer1((request, response) => void api(request, response));
  server1.on("upgrade", (request, socket, head) => void api.upgrade(request, socket, head));
  const server2 = createServer2((request, response) => void api(request, response));
  const sockets = new Set<Socket>();
  for (const server of [server1, server2]) {
    server.on("connection", (socket: Socket) => sockets.add(socket));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
  }
  const ports = { http1: portOf(server1.address()), http2: portOf(server2.address()) };
  const raw = (sent: string) => {
    const socket = connect1(ports.http1, "127.0.0.1");
    socket.write(sent);
    return socket;
  };
  return {
    ...{ api, events, logged, asked, ports, raw },
    call: (path, headers = {}, method = "GET") => call(ports.http2, path, headers, method),
    answerTo: (sent) => text(raw(sent)),
    async close() {
      for (const socket of sockets) socket.destroy();
      await api.close();
      for (const server of [server1, server2]) server.close();
    },
  };
}

function portOf(address: AddressInfo | string | null): number {
  return (address as AddressInfo).port;
}

async function call(
  port: number,
  path: string,
  headers: Record<string, string>,
  method: string,
): Promise<Reply> {
  const session = connect2(`http://127.0.0.1:${port}`);
  try {
    const stream = session.request({ ":path": path, ":method": method, user: "ann", ...headers });
    stream.end();
    const [received] = await once(stream, "response");
    const body = await text(stream);
    return { status: received[":status"], headers: received, text: body, json: parsed(body) };
  } finally {
    session.close();
  }
}

function parsed(body: string): Loose {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/** The text of a request to upgrade. */
export function upgradeOf(path: string, lines: readonly string[] = [], method = "GET"): string {
  const head = [`${method} ${path} HTTP/1.1`, "Host: x", "User: ann", "Connection: Upgrade", "Upgrade: echo"];
  return `${[...head, ...lines].join("\r\n")}\r\n\r\n`;
}
