/**
 * The connections of a server. Anybody who reaches its port may open one; those that nobody vouches for are kept so
 * few that they never take the place of the ones that are in use, and go first to whoever has most of them.
 */
import type { Http2SecureServer, ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { ApiRequest } from "./request.ts";

/** Connections in the middle of their TLS handshake. */
const MOST_HANDSHAKES = 200;
/** Connections on which nobody has proved yet to be somebody. */
const MOST_STRANGERS = 200;
/** All of them. */
const MOST_CONNECTIONS = 2000;
/** Requests that are broken off on one connection, until somebody is known on it. */
const MOST_RESETS = 100;
/** A connection that nothing happens on for so long is not the API server's, which sends pings. */
const IDLE = 10 * 60_000;
const IDLE_STRANGER = 30_000;

/** What to do once somebody on the connection (an HTTP/2 session, a TLS socket) is known. */
const vouchers = new WeakMap<object, () => void>();

/** The caller is somebody: his connection no longer counts as a stranger's. Handlers say so, as soon as they know. */
export function vouchFor(request: ApiRequest): void {
  // Under HTTP/2 a request's socket is a stand-in of its own; the session is the connection.
  const connection = ("stream" in request ? request.stream.session : undefined) ?? request.socket;
  vouchers.get(connection)?.();
  vouchers.delete(connection);
}

export interface Connections {
  /** Those over HTTP/2. */
  sessions: ReadonlySet<ServerHttp2Session>;
  /** The TCP connections below all of them, unfinished handshakes too. */
  sockets(): Iterable<Socket>;
}

export function trackConnections(server: Http2SecureServer): Connections {
  const sessions = new Set<ServerHttp2Session>();
  const sockets = new Map<string, Socket>();
  const handshakes = new Crowd(MOST_HANDSHAKES);
  const strangers = new Crowd(MOST_STRANGERS);
  server.maxConnections = MOST_CONNECTIONS;
  server.on("connection", (socket: Socket) => {
    const peer = nameOf(socket);
    sockets.set(peer, socket);
    handshakes.add(socket);
    socket.once("close", () => {
      if (sockets.get(peer) === socket) sockets.delete(peer);
      handshakes.delete(socket);
      strangers.delete(socket);
    });
  });
  server.on("secureConnection", (secure: TLSSocket) => {
    const socket = sockets.get(nameOf(secure));
    if (socket === undefined) return;
    handshakes.delete(socket);
    strangers.add(socket);
    vouchers.set(secure, () => strangers.delete(socket));
  });
  server.on("session", (session) => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
    session.setTimeout(IDLE_STRANGER, () => session.close());
    const socket = sockets.get(nameOf(session.socket));
    vouchers.set(session, () => {
      session.setTimeout(IDLE);
      if (socket !== undefined) strangers.delete(socket);
    });
    endOfResets(session);
    // A peer that breaks the protocol or the connection ends its own session, nothing more.
    session.on("error", () => session.destroy());
  });
  return { sessions, sockets: () => sockets.values() };
}

/** Asking only to break it off costs more here than there (CVE-2023-44487). */
function endOfResets(session: ServerHttp2Session): void {
  let resets = 0;
  session.on("stream", (stream) => {
    stream.once("aborted", () => {
      if (vouchers.has(session) && ++resets > MOST_RESETS) session.destroy();
    });
  });
}

function nameOf({ remoteAddress, remotePort }: Pick<Socket, "remoteAddress" | "remotePort">): string {
  return `${remoteAddress} ${remotePort}`;
}

/** Connections that may be only so many: one more, and the oldest of the address that has most is closed. */
class Crowd {
  readonly #byAddress = new Map<string, Set<Socket>>();
  readonly #addresses = new WeakMap<Socket, string>();
  readonly #most: number;
  #size = 0;

  constructor(most: number) {
    this.#most = most;
  }

  add(socket: Socket): void {
    const address = socket.remoteAddress ?? "";
    const own = this.#byAddress.get(address) ?? new Set();
    this.#byAddress.set(address, own.add(socket));
    this.#addresses.set(socket, address);
    this.#size += 1;
    if (this.#size > this.#most) this.#closeOne();
  }

  delete(socket: Socket): void {
    const address = this.#addresses.get(socket) ?? "";
    const own = this.#byAddress.get(address);
    if (own?.delete(socket) !== true) return;
    if (own.size === 0) this.#byAddress.delete(address);
    this.#size -= 1;
  }

  #closeOne(): void {
    let most: ReadonlySet<Socket> = new Set();
    for (const own of this.#byAddress.values()) if (own.size > most.size) most = own;
    const [oldest] = most;
    if (oldest === undefined) return;
    this.delete(oldest);
    oldest.destroy();
  }
}
