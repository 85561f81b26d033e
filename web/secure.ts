/** Token exchange over TLS of Hoop's own, where no Ingress stands before it. */
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import express from "express";
import { type Exchange, tokenEndpoint } from "./exchange.ts";
import { keepFew, TIMES } from "./server.ts";

/** PEM. */
export interface Pair {
  key: string;
  cert: string;
}

export interface SecurePorts {
  exchange: Exchange;
  /** What is to be shown now: looked at every minute. Rejects where it cannot be read. */
  pair: () => Promise<Pair>;
  failed: (error: unknown) => void;
}

const EVERY = 60_000;

/** Rejects where there is no certificate, or the address cannot be had. */
export async function serveSecurely(
  { exchange, pair, failed }: SecurePorts,
  { host, port }: { host: string; port: number },
): Promise<{ port: number; look: () => void; stop: () => Promise<void> }> {
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  app.use(tokenEndpoint(exchange));
  let shown = await pair();
  const server = createServer({ ...shown, ...TIMES, minVersion: "TLSv1.2" }, app);
  keepFew(server);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  const look = async () => {
    const now = await pair();
    if (now.key === shown.key && now.cert === shown.cert) return;
    server.setSecureContext({ ...now, minVersion: "TLSv1.2" });
    shown = now;
  };
  const stopped = new AbortController();
  const looking = async () => {
    while (!stopped.signal.aborted) {
      await delay(EVERY, undefined, stopped).catch(() => undefined);
      if (!stopped.signal.aborted) await look().catch(failed);
    }
  };
  const running = looking();
  return {
    port: (server.address() as AddressInfo).port,
    look: () => void look().catch(failed),
    async stop() {
      stopped.abort();
      await running;
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}
