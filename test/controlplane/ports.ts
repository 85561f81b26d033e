import { createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { claim, release } from "./claim.ts";

// Below every system's ephemeral range (Linux: from 32768, macOS: from 49152), so that no outgoing
// connection sits on a port between our look and the server's bind.
const first = 20_000;
const count = 10_000;

const claimFile = (port: number): string =>
  join(tmpdir(), `hoop-kubernetes-ports-${userInfo().username}`, String(port));

const canListen = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => server.close(() => resolve(true)));
  });

const take = async (port: number): Promise<boolean> => {
  if (!(await claim(claimFile(port)))) return false;
  if (await canListen(port)) return true;
  await release(claimFile(port));
  return false;
};

/** A process that was just killed may hold its port for a moment yet. */
const takePatiently = async (port: number): Promise<boolean> => {
  for (let tries = 0; tries < 20; tries++) {
    if (await take(port)) return true;
    await delay(50);
  }
  return false;
};

/**
 * A free TCP port of 127.0.0.1, kept from every other control plane of this user until `releasePort` or
 * this process's end; `preferred` when that one is free.
 */
export const claimPort = async (preferred?: number): Promise<number> => {
  if (preferred !== undefined && (await takePatiently(preferred))) return preferred;
  const start = Math.floor(Math.random() * count);
  for (let i = 0; i < count; i++) {
    const port = first + ((start + i) % count);
    if (await take(port)) return port;
  }
  throw new Error(`no free port on 127.0.0.1 from ${first} to ${first + count - 1}`);
};

/** Lets others have the port again. */
export const releasePort = (port: number): Promise<void> => release(claimFile(port));
