/** A command in a pod by WebSocket, as kubectl runs it. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { request } from "node:https";
import type { Duplex } from "node:stream";
import { type Frame, FrameReader, frameBytes } from "#apiserver-ext/broker/connection/frames.ts";
import type { Identity } from "./load.ts";

const PROTOCOL = "v5.channel.k8s.io";
const [STDIN, STDOUT] = [0, 1];

export interface Command {
  send(text: string): void;
  /** What it prints, as it comes. */
  output: AsyncIterable<Buffer>;
  close(): void;
}

/** `below`: what stands before the API's own path. */
export async function execIn(
  { url, ca, cert, key }: Identity,
  below: string,
  pod: { namespace: string; name: string },
  command: readonly string[],
): Promise<Command> {
  const words = command.map((word) => `command=${encodeURIComponent(word)}`).join("&");
  const path = `${below}/api/v1/namespaces/${pod.namespace}/pods/${pod.name}/exec?${words}&stdin=true&stdout=true`;
  const asked = request(`${url}${path}`, {
    ...{ ca, cert, key, agent: false },
    headers: {
      ...{ connection: "Upgrade", upgrade: "websocket", "sec-websocket-version": "13" },
      ...{ "sec-websocket-key": randomBytes(16).toString("base64"), "sec-websocket-protocol": PROTOCOL },
    },
  });
  asked.end();
  const refused = once(asked, "response").then(([response]) => {
    throw new Error(`exec: ${response.statusCode}`);
  });
  const upgraded = once(asked, "upgrade");
  const [, socket, head] = (await Promise.race([upgraded, refused])) as [unknown, Duplex, Buffer];
  refused.catch(() => {});
  return {
    send: (text) => socket.write(clientFrame(Buffer.concat([Buffer.of(STDIN), Buffer.from(text)]))),
    output: printed(socket, head),
    close: () => socket.destroy(),
  };
}

async function* printed(socket: Duplex, head: Buffer): AsyncGenerator<Buffer> {
  const reader = new FrameReader();
  const shown = (frames: Frame[]) =>
    frames.filter(({ payload }) => payload[0] === STDOUT).map(({ payload }) => payload.subarray(1));
  yield* shown(reader.push(head));
  for await (const bytes of socket as AsyncIterable<Buffer>) yield* shown(reader.push(bytes));
}

/** Masked, as clients' are: here with nothing. */
function clientFrame(payload: Buffer): Buffer {
  const plain = frameBytes({ fin: true, opcode: 2, payload });
  const head = Buffer.from(plain.subarray(0, plain.length - payload.length));
  head[1] = (head[1] ?? 0) | 0x80;
  return Buffer.concat([head, Buffer.alloc(4), payload]);
}
