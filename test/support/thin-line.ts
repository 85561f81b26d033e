/** A TCP line to a server that can be cut, and that stops after so many bytes of an answer. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface ThinLine {
  readonly port: number;
  /** From now on so many bytes come back over all connections together, and then no more until `open`. */
  holdAfter(bytes: number): void;
  /** Resolves once it holds something back. */
  held(): Promise<void>;
  /** Everything passes again. */
  open(): void;
  /** Ends all connections there are; new ones are made again. */
  cut(): void;
  close(): Promise<void>;
}

export async function thinLine(target: number): Promise<ThinLine> {
  let left = Number.POSITIVE_INFINITY;
  const pairs = new Set<[Socket, Socket]>();
  const waiting = new Set<() => void>();
  const holding = new Set<Socket>();

  const server = createServer((near) => {
    const far = connect({ host: "127.0.0.1", port: target });
    const pair: [Socket, Socket] = [near, far];
    pairs.add(pair);
    for (const socket of pair) {
      socket.on("error", () => undefined);
      socket.once("close", () => {
        pairs.delete(pair);
        for (const each of pair) each.destroy();
      });
    }
    near.pipe(far);
    far.on("data", (chunk: Buffer) => {
      left -= chunk.length;
      near.write(chunk);
      if (left > 0) return;
      far.pause();
      holding.add(far);
      for (const tell of waiting) tell();
      waiting.clear();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");

  const cut = () => {
    for (const pair of pairs) for (const socket of pair) socket.destroy();
    holding.clear();
  };
  return {
    port: (server.address() as AddressInfo).port,
    holdAfter: (bytes) => {
      left = bytes;
    },
    held: () =>
      new Promise((resolve) => {
        if (holding.size > 0) resolve();
        else waiting.add(resolve);
      }),
    open: () => {
      left = Number.POSITIVE_INFINITY;
      for (const socket of holding) socket.resume();
      holding.clear();
    },
    cut,
    close: async () => {
      cut();
      server.close();
      await once(server, "close");
    },
  };
}
