/** A TLS server for HTTP/2 and HTTP/1.1 that asks for client certificates, leaves judging them to its handler, and drains. */
import { ServerResponse } from "node:http";
import {
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import type { ApiRequest, ApiResponse } from "./request.ts";

export interface ListenOptions {
  /** PEM. */
  key: string;
  cert: string;
  host: string;
  /** 0: any free one. */
  port: number;
  /** Answers a request; must not reject. */
  handler: (request: ApiRequest, response: ApiResponse) => Promise<void>;
}

export interface Listening {
  port: number;
  /** For connections from now on; those that are open keep theirs. */
  setCertificate(pair: { key: string; cert: string }): void;
  /**
   * Takes no new connections and tells clients to go elsewhere (GOAWAY), waits for what `drain` ends and for
   * requests under way, at most `grace` milliseconds, then closes what is left.
   */
  close(drain: () => Promise<void>, grace: number): Promise<void>;
}

/** A user in hundreds of groups comes with as many header lines. */
const MOST_HEADER_LINES = 4096;
const MOST_HEADER_BYTES = 1024 * 1024;
/**
 * The API server closes a connection that it has not used for 90 s. It must be the one to do so: a server that closes
 * first now and then closes just as a request comes in, which is a POST and so is not sent again, but refused.
 */
const KEEP_ALIVE = 180_000;
/** Options of its HTTP/1.1 half that the type of the server does not know. */
const HTTP1 = { maxHeaderSize: MOST_HEADER_BYTES, keepAliveTimeout: KEEP_ALIVE };
/** As the Go servers behind the API server allow. */
const MOST_STREAMS = 1000;
const MOST_CONNECTIONS = 2000;
/** A connection that nothing happens on for so long is not the API server's, which sends pings. */
const IDLE = 10 * 60_000;

/** Rejects when the address cannot be had. */
export async function listen(options: ListenOptions): Promise<Listening> {
  const { key, cert, host, port, handler } = options;
  const server = createSecureServer({
    key,
    cert,
    minVersion: "TLSv1.2",
    allowHTTP1: true,
    requestCert: true,
    // Who a certificate is believed from is known at run time and differs by request.
    rejectUnauthorized: false,
    maxHeaderListPairs: MOST_HEADER_LINES,
    ...HTTP1,
    settings: { maxHeaderListSize: MOST_HEADER_BYTES, maxConcurrentStreams: MOST_STREAMS },
  });
  server.maxConnections = MOST_CONNECTIONS;
  const open = {
    sessions: trackedSessions(server),
    sockets: trackedSockets(server),
    answers: trackedAnswers(server),
  };
  server.on("request", (request, response) => void handler(request, response));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
  return {
    port: (server.address() as AddressInfo).port,
    setCertificate: (pair) => server.setSecureContext(pair),
    close: (drain, grace) => closeGracefully(server, open, drain, grace),
  };
}

interface Open {
  sessions: ReadonlySet<ServerHttp2Session>;
  sockets: ReadonlySet<Socket>;
  /** Those of HTTP/1.1 that are not given yet. */
  answers: ReadonlySet<ServerResponse>;
}

function trackedSessions(server: Http2SecureServer): ReadonlySet<ServerHttp2Session> {
  const sessions = new Set<ServerHttp2Session>();
  server.on("session", (session) => {
    sessions.add(session);
    session.setTimeout(IDLE, () => session.close());
    session.once("close", () => sessions.delete(session));
    // A peer that breaks the protocol or the connection ends its own session, nothing more.
    session.on("error", () => session.destroy());
  });
  return sessions;
}

/** HTTP/1.1 connections and unfinished handshakes have no session. */
function trackedSockets(server: Http2SecureServer): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  return sockets;
}

function trackedAnswers(server: Http2SecureServer): ReadonlySet<ServerResponse> {
  const answers = new Set<ServerResponse>();
  server.on("request", (_request, response: ServerResponse | Http2ServerResponse) => {
    if (!(response instanceof ServerResponse)) return;
    answers.add(response);
    response.once("close", () => answers.delete(response));
  });
  return answers;
}

async function closeGracefully(
  server: Http2SecureServer,
  { sessions, sockets, answers }: Open,
  drain: () => Promise<void>,
  grace: number,
): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  for (const session of sessions) session.close();
  // What GOAWAY is to HTTP/2; else the client, such as kube-apiserver to a webhook, keeps the connection.
  for (const answer of answers) answer.shouldKeepAlive = false;
  const timer = setTimeout(() => {
    for (const session of sessions) session.destroy();
    for (const socket of sockets) socket.destroy();
  }, grace);
  await drain();
  await closed;
  clearTimeout(timer);
}
