/** Requests as an agent may send them, and every byte that comes back. */
import type { IncomingMessage } from "node:http";
import { Agent, request } from "node:https";
import { buffer } from "node:stream/consumers";
import { gunzipSync } from "node:zlib";
import { type Call, credentialsIn } from "../raw.ts";

export interface Heard {
  /** 0: there was no answer. */
  code: number;
  /** Status line, headers, informational answers and trailers. */
  head: string;
  body: Buffer;
}

export interface Line {
  /** `begun`: is told when an answer begins. */
  send(call: Call, begun?: () => void): Promise<Heard>;
  close(): void;
}

/** Requests as the kubeconfig's user; what goes wrong is heard as well. */
export async function lineOf(kubeconfig: string): Promise<Line> {
  const { identity, port, prefix } = await credentialsIn(kubeconfig);
  const agent = new Agent({ keepAlive: true, rejectUnauthorized: false, ...identity });
  const bearer = identity.token === undefined ? {} : { authorization: `Bearer ${identity.token}` };
  const send = (
    { method = "GET", path, body, type = "application/json", accept = "application/json", headers }: Call,
    begun?: () => void,
  ) =>
    new Promise<Heard>((resolve) => {
      const sending = typeof body === "object" ? JSON.stringify(body) : body;
      const length = sending === undefined ? {} : { "content-length": Buffer.byteLength(sending) };
      const content = sending === undefined ? {} : { "content-type": type, ...length };
      const told: string[] = [];
      const failed = (error: Error) =>
        resolve({ code: 0, head: told.join("\n"), body: Buffer.from(error.message) });
      const sent = request(
        {
          host: "127.0.0.1",
          port,
          method,
          path: prefix + path,
          agent,
          headers: { accept, ...bearer, ...content, ...headers },
        },
        (response) => {
          begun?.();
          buffer(response).then((bytes) => resolve(heard(response, told, bytes)), failed);
        },
      );
      sent.on("information", (early) => told.push(`${early.statusCode} ${early.rawHeaders.join(" ")}`));
      // An answer that asks to talk on in another way is one, too.
      sent.on("upgrade", (response, socket, head) => {
        socket.destroy();
        resolve(heard(response, told, head));
      });
      sent.once("error", failed);
      sent.end(sending);
    });
  return { send, close: () => agent.destroy() };
}

function heard(response: IncomingMessage, told: string[], bytes: Buffer): Heard {
  const { statusCode = 0, statusMessage = "", rawHeaders, rawTrailers, headers } = response;
  const head = [...told, `${statusCode} ${statusMessage}`, rawHeaders.join(" "), rawTrailers.join(" ")].join(
    "\n",
  );
  const body = headers["content-encoding"] === "gzip" && bytes.length > 0 ? gunzipSync(bytes) : bytes;
  return { code: statusCode, head, body };
}
