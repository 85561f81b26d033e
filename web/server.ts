/** Plain HTTP for what looks after the process: probes and metrics. Nothing here tells of anybody's requests. */
import { createServer, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import express from "express";
import { type Exchange, tokenEndpoint } from "./exchange.ts";
import type { Metrics } from "./metrics.ts";

export interface WebPorts {
  metrics: Pick<Metrics, "text" | "contentType">;
  /** What is not ready, by name; empty: ready. */
  notReady: () => string[];
  /** Where tokens are exchanged for sessions. */
  exchange?: Exchange | undefined;
}

export function webApp(ports: WebPorts): express.Express {
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  // Liveness asks nothing else: a restart would heal none of it.
  app.get("/livez", (_request, response) => {
    response.type("text/plain").send("ok\n");
  });
  app.get("/readyz", (_request, response) => {
    const missing = ports.notReady();
    response
      .status(missing.length === 0 ? 200 : 503)
      .type("text/plain")
      .send(missing.length === 0 ? "ok\n" : `not ready: ${missing.join(", ")}\n`);
  });
  app.get("/metrics", async (_request, response) => {
    response.set("content-type", ports.metrics.contentType).send(await ports.metrics.text());
  });
  if (ports.exchange !== undefined) app.use(tokenEndpoint(ports.exchange));
  return app;
}

/** Anybody may come here: many at once would else keep a probe out. */
const MOST_CONNECTIONS = 200;

export const TIMES = { requestTimeout: 10_000, headersTimeout: 5_000, connectionsCheckingInterval: 5_000 };

/** One connection more than there may be, and the oldest is closed: a probe is quick. */
export function keepFew(server: Pick<Server, "on">): void {
  const open = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
    const [oldest] = open;
    if (open.size > MOST_CONNECTIONS) oldest?.destroy();
  });
}

export async function serveWeb(
  ports: WebPorts,
  { host, port }: { host: string; port: number },
): Promise<{ port: number; stop: () => Promise<void> }> {
  const server = createServer(TIMES, webApp(ports));
  keepFew(server);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
