/** A TLS server for HTTP/2 and HTTP/1.1 that asks for client certificates, leaves judging them to its handler, and drains. */
import { ServerResponse } from "node:http";
import {
  constants,
  createSecureServer,
  type Http2SecureServer,
  Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from "node:http2";
import { type AddressInfo, createServer } from "node:net";
import { tellClientErrors } from "./client-errors.ts";
import { type Connections, trackConnections } from "./connections.ts";
import type { Upgrader } from "./door.ts";
import type { ApiRequest, ApiResponse } from "./request.ts";
import { stopListening } from "./stop-listening.ts";

export interface ListenOptions {
  /** PEM. */
  key: string;
  cert: string;
  host: string;
  /** 0: any free one. */
  port: number;
  /** Takes the address although another `listen` of this user has it: until that one closes, either may be called. */
  shared?: boolean;
  /** Answers a request; must not reject. */
  handler: (request: ApiRequest, response: ApiResponse) => Promise<void>;
  /** Takes requests to upgrade. Without it they are answered by the handler, as others are. */
  upgrade?: Upgrader;
}

export interface Listening {
  port: number;
  /** For connections from now on; those that are open keep theirs. */
  setCertificate(pair: { key: string; cert: string }): void;
  /**
   * Takes no new connections and tells clients to go elsewhere (GOAWAY; over HTTP/1.1 with the next answer), waits for
   * what `drain` ends and for requests under way, at most `grace` milliseconds, then closes what is left.
   */
  close(drain: () => Promise<void>, grace: number): Promise<void>;
}

/** A user in hundreds of groups comes with as many header lines. */
const MOST_HEADER_LINES = 4096;
/**
 * nghttp2 ends the connection by which one line comes that is longer than this, and everybody's requests come from the API
 * server by one. Told that all of them may be no longer, it refuses by itself whoever sends more.
 */
const MOST_HEADER_BYTES = 64 * 1024;
/**
 * The API server closes a connection that it has not used for 90 s. It must be the one to do so: a server that closes
 * first now and then closes just as a request comes in, which is a POST and so is not sent again, but refused.
 */
const KEEP_ALIVE = 180_000;
/** How long a client may take for its handshake, its headers and a whole request. The API server takes a moment. */
const SLOWEST_HANDSHAKE = 10_000;
const SLOWEST_HEADERS = 10_000;
const SLOWEST_REQUEST = 30_000;
/** Options of its HTTP/1.1 half that the type of the server does not know. */
const HTTP1 = {
  maxHeaderSize: MOST_HEADER_BYTES,
  keepAliveTimeout: KEEP_ALIVE,
  headersTimeout: SLOWEST_HEADERS,
  requestTimeout: SLOWEST_REQUEST,
  connectionsCheckingInterval: 5_000,
};
/** As the Go servers behind the API server allow. */
const MOST_STREAMS = 1000;
/**
 * How many streams a client may reset, and a second (nghttp2's own: 1000, and 33). By one more the connection ends, which is
 * everybody's, and what resets them is that any of them stops watching. Strangers are watched in connections.ts.
 */
const MOST_RESETS = { streamResetBurst: 1_000_000, streamResetRate: 100_000 };
/** MB. The API server brings everybody's watches over one connection; Node's 10 are too few for hundreds of them. */
const MOST_SESSION_MEMORY = 128;

/**
 * How long a connection that nobody uses is kept while draining. Closed at once, some HTTP/1.1 ones would be closed just as
 * the API server posts into them, and a POST is not sent again, but refused. One that is in use ends with its next answer.
 */
const LINGER = 500;
/** How long connections that come all the time may keep a server from closing its address. */
const MOST_ACCEPTING = 2_000;
/** The highest there can be. */
const LAST_STREAM = 2 ** 31 - 1;
/** Elsewhere there is no such thing as two processes at one port. */
const CAN_SHARE = process.platform === "linux";

/** Rejects when the address cannot be had. */
export async function listen(options: ListenOptions): Promise<Listening> {
  const { key, cert, host, port, handler, upgrade } = options;
  if (options.shared !== true) await mustBeFree(host, port);
  const server = createSecureServer({
    key,
    cert,
    minVersion: "TLSv1.2",
    allowHTTP1: true,
    requestCert: true,
    // Who a certificate is believed from is known at run time and differs by request.
    rejectUnauthorized: false,
    handshakeTimeout: SLOWEST_HANDSHAKE,
    maxHeaderListPairs: MOST_HEADER_LINES,
    maxSessionMemory: MOST_SESSION_MEMORY,
    ...MOST_RESETS,
    ...HTTP1,
    settings: { maxHeaderListSize: MOST_HEADER_BYTES, maxConcurrentStreams: MOST_STREAMS },
  });
  const open = { ...trackConnections(server), answers: trackedAnswers(server) };
  tellClientErrors(server, open.answers);
  server.on("request", (request, response) => {
    if (request instanceof Http2ServerRequest) hurry(request);
    void handler(request, response);
  });
  if (upgrade) server.on("upgrade", (request, socket, head) => void upgrade(request, socket, head));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port, host, reusePort: CAN_SHARE }, () => {
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

/** That we let others share an address shall not mean that we take part in somebody's unasked. */
async function mustBeFree(host: string, port: number): Promise<void> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once("error", reject);
    probe.listen({ port, host, exclusive: true }, resolve);
  });
  await new Promise((resolve) => probe.close(resolve));
}

/** HTTP/2 knows no limit of time: a body that does not end within it is no longer waited for. */
function hurry({ stream }: Http2ServerRequest): void {
  if (stream.endAfterHeaders) return;
  const timer = setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), SLOWEST_REQUEST);
  const inTime = () => clearTimeout(timer);
  stream.once("end", inTime).once("close", inTime);
}

interface Open extends Connections {
  /** Those of HTTP/1.1 that are not given yet. */
  answers: ReadonlySet<ServerResponse>;
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
  // What GOAWAY is to HTTP/2; else the client, such as kube-apiserver to a webhook, keeps the connection.
  const goodbye = (answer: ServerResponse | Http2ServerResponse) => {
    if (answer instanceof ServerResponse) answer.shouldKeepAlive = false;
  };
  for (const answer of answers) goodbye(answer);
  server.prependListener("request", (_request, answer) => goodbye(answer));
  const { closed } = await stopListening(server, Math.min(MOST_ACCEPTING, grace));
  const linger = Math.min(LINGER, grace);
  const goAway = (session: ServerHttp2Session) => {
    // No last stream is named yet: requests that cross this on their way are still served, not refused.
    if (!session.destroyed) session.goaway(constants.NGHTTP2_NO_ERROR, LAST_STREAM);
  };
  for (const session of sessions) goAway(session);
  // Its handshake was under way.
  server.on("session", (session) => {
    goAway(session);
    const timer = setTimeout(() => session.close(), linger);
    session.once("close", () => clearTimeout(timer));
  });
  const timers = [
    setTimeout(() => {
      for (const session of sessions) session.close();
      server.close();
    }, linger),
    setTimeout(() => {
      for (const session of sessions) session.destroy();
      for (const socket of sockets()) socket.destroy();
    }, grace),
  ];
  await drain();
  await closed;
  for (const timer of timers) clearTimeout(timer);
  server.close();
}
