/** HTTP/2 below what any client library would send: frames by hand, and as many as are wanted. */
import { once } from "node:events";
import { connect, type TLSSocket } from "node:tls";
import type { Identity } from "./raw.ts";

export const SETTINGS = 4;
export const PING = 6;
const HEADERS = 1;
const RST_STREAM = 3;
const CONTINUATION = 9;

const END_STREAM = 1;
const END_HEADERS = 4;

export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Buffer = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** HPACK: POST, https, and the path as a literal. */
function requestHeaders(path: string): Buffer {
  return Buffer.concat([Buffer.from([0x83, 0x87, 0x04, path.length]), Buffer.from(path, "latin1")]);
}

/** A request that is taken back as soon as it is made. */
export function openAndReset(stream: number, path: string): Buffer {
  const cancel = Buffer.from([0, 0, 0, 8]);
  return Buffer.concat([
    frame(HEADERS, END_HEADERS, stream, requestHeaders(path)),
    frame(RST_STREAM, 0, stream, cancel),
  ]);
}

/** The beginning of headers that go on in frame after frame. */
export function endlessHeaders(path: string, frames: number): Buffer {
  // A literal header that is not to be indexed: x: 1000 letters.
  const field = Buffer.concat([
    Buffer.from([0x00, 1]),
    Buffer.from("x"),
    Buffer.from([0x7f, 0xe9, 0x06]),
    Buffer.alloc(1000, "a"),
  ]);
  return Buffer.concat([
    frame(HEADERS, END_STREAM, 1, requestHeaders(path)),
    ...Array.from({ length: frames }, () => frame(CONTINUATION, 0, 1, field)),
  ]);
}

/** A connection that has said which protocol it speaks, and nothing more. It never reads what it is sent. */
export async function openHttp2(port: number, { cert, key }: Identity = {}): Promise<TLSSocket> {
  const socket = connect({
    host: "127.0.0.1",
    port,
    ALPNProtocols: ["h2"],
    rejectUnauthorized: false,
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  });
  await once(socket, "secureConnect");
  socket.on("error", () => undefined);
  socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  socket.write(frame(SETTINGS, 0, 0));
  return socket;
}

/** Writes until the other side closes the connection; what it says is not listened to. */
export async function floodUntilClosed(socket: TLSSocket, chunks: Iterable<Buffer>): Promise<void> {
  socket.resume();
  const closed = new Promise((resolve) => socket.once("close", resolve));
  for (const chunk of chunks) {
    if (socket.destroyed) return;
    if (socket.write(chunk)) continue;
    await Promise.race([new Promise((resolve) => socket.once("drain", resolve)), closed]);
  }
  await closed;
}
