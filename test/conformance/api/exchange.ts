/** One request and its answer as they are on the wire. */
import type { IncomingMessage } from "node:http";
import { Agent, type RequestOptions, request } from "node:https";
import { createInterface } from "node:readline";
import { buffer } from "node:stream/consumers";
import { credentialsIn } from "../../support/raw.ts";

export interface Asked {
  method: string;
  path: string;
  headers: Readonly<Record<string, string>>;
  body: string | undefined;
}

export interface Answered {
  code: number;
  headers: Readonly<Record<string, string>>;
  body: string;
}

/** An answer whose body is still coming. */
export interface Stream {
  code: number;
  headers: Readonly<Record<string, string>>;
  /** Complete lines; ends when the stream does. */
  lines: AsyncIterable<string>;
  close(): void;
}

export interface Wire {
  ask(asked: Asked): Promise<Answered>;
  open(asked: Asked): Promise<Stream>;
  close(): void;
}

/** As the kubeconfig's user, over kept connections. The server's certificate is not looked at. */
export async function wireOf(kubeconfig: string): Promise<Wire> {
  const { identity, port } = await credentialsIn(kubeconfig);
  const agent = new Agent({ keepAlive: true, rejectUnauthorized: false, ...identity });
  const send = ({ method, path, headers, body }: Asked) => {
    const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
    const options: RequestOptions = {
      ...{ host: "127.0.0.1", port, agent, method, path },
      headers: { ...headers, ...length },
    };
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    request(options).once("response", resolve).once("error", reject).end(body);
    return promise;
  };
  return {
    async ask(asked) {
      const response = await send(asked);
      const body = await buffer(response);
      return {
        code: response.statusCode ?? 0,
        headers: headersOf(response.rawHeaders),
        body: body.toString(),
      };
    },
    async open(asked) {
      const response = await send(asked);
      return {
        code: response.statusCode ?? 0,
        headers: headersOf(response.rawHeaders),
        lines: createInterface({ input: response }),
        close: () => response.destroy(),
      };
    },
    close: () => agent.destroy(),
  };
}

/** By lower-case name; what comes twice is joined by " | ". */
function headersOf(raw: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const [name, value] = [raw[i]?.toLowerCase() ?? "", raw[i + 1] ?? ""];
    headers[name] = headers[name] === undefined ? value : `${headers[name]} | ${value}`;
  }
  return headers;
}
