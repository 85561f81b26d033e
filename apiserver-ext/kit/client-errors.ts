/** What an HTTP/1.1 client is told whose request cannot be read: as Node does, but so that it hears it. */
import { type ServerResponse, STATUS_CODES } from "node:http";
import type { Http2SecureServer } from "node:http2";
import type { Socket } from "node:net";

const CODES: Record<string, number> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/**
 * A connection that is closed while something in it is unread is reset, and the reset overtakes the answer. So what still
 * comes is read, and thrown away, for so many milliseconds.
 */
const LAST_WORDS = 1_000;

/** `answers`: those that are not given yet. */
export function tellClientErrors(server: Http2SecureServer, answers: ReadonlySet<ServerResponse>): void {
  const told = new WeakSet<Socket>();
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => {
    // Whatever comes after an error is one.
    if (told.has(socket)) return;
    told.add(socket);
    if (!socket.writable || isAnswered(socket, answers)) return void socket.destroy();
    const code = CODES[error.code ?? ""] ?? 400;
    socket.end(`HTTP/1.1 ${code} ${STATUS_CODES[code]}\r\nConnection: close\r\n\r\n`);
    const timer = setTimeout(() => socket.destroy(), LAST_WORDS);
    socket.once("end", () => socket.destroy()).once("close", () => clearTimeout(timer));
  });
}

/** In the middle of an answer, another one means nothing. */
function isAnswered(socket: Socket, answers: ReadonlySet<ServerResponse>): boolean {
  return [...answers].some((answer) => answer.socket === socket && answer.headersSent);
}
