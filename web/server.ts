/** Plain HTTP for what looks after the process: probes and metrics. Nothing here tells of anybody's requests. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import express from "express";
import type { Metrics } from "./metrics.ts";

export interface WebPorts {
  metrics: Pick<Metrics, "text" | "contentType">;
  /** What is not ready, by name; empty: ready. */
  notReady: () => string[];
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
  return app;
}

export async function serveWeb(
  ports: WebPorts,
  { host, port }: { host: string; port: number },
): Promise<{ port: number; stop: () => Promise<void> }> {
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 5_000 }, webApp(ports));
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
