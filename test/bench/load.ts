/** A load generator: so many writes at once over a few HTTP/2 connections, each a server-side dry run. */
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { setTimeout as delay } from "node:timers/promises";

export interface Identity {
  url: string;
  ca: string;
  cert: string;
  key: string;
}

export interface Load {
  /** Milliseconds of each write that was answered 201. */
  times: number[];
  seconds: number;
  /** Answers other than 201, by status. */
  failures: Map<number, number>;
}

const CONNECTIONS = 4;

export class Client {
  readonly #sessions: ClientHttp2Session[];

  constructor({ url, ca, cert, key }: Identity) {
    this.#sessions = Array.from({ length: CONNECTIONS }, () => connectHttp2(url, { ca, cert, key }));
  }

  close(): void {
    for (const session of this.#sessions) session.destroy();
  }

  /** Writes for so long, `concurrency` at a time. */
  async run(path: string, body: string, concurrency: number, seconds: number): Promise<Load> {
    const times: number[] = [];
    const failures = new Map<number, number>();
    const began = performance.now();
    const until = began + seconds * 1000;
    const writer = async (n: number) => {
      while (performance.now() < until) {
        const start = performance.now();
        const status = await this.#post(n, path, body);
        if (status === 201) times.push(performance.now() - start);
        else {
          failures.set(status, (failures.get(status) ?? 0) + 1);
          await delay(10);
        }
      }
    };
    await Promise.all(Array.from({ length: concurrency }, (_, n) => writer(n)));
    return { times, failures, seconds: (performance.now() - began) / 1000 };
  }

  /** What is at a path. */
  async get(path: string): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for await (const chunk of this.#session(0).request({ ":path": path })) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  }

  #session(n: number): ClientHttp2Session {
    const session = this.#sessions[n % CONNECTIONS];
    if (session === undefined) throw new Error("no connection");
    return session;
  }

  #post(n: number, path: string, body: string): Promise<number> {
    return new Promise((resolve, reject) => {
      const stream = this.#session(n).request({
        ":method": "POST",
        ":path": `${path}?dryRun=All`,
        "content-type": "application/json",
      });
      let status = 0;
      stream.on("response", (headers) => {
        status = Number(headers[":status"]);
      });
      stream.on("end", () => resolve(status));
      stream.on("error", reject);
      stream.resume();
      stream.end(body);
    });
  }
}
