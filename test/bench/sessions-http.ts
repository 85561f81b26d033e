/** Calls over one HTTP/2 connection, timed. */
import { type ClientHttp2Session, connect } from "node:http2";
import type { Identity } from "./load.ts";

export interface Answer {
  status: number;
  bytes: number;
  milliseconds: number;
  text: string;
}

export class Http {
  readonly #session: ClientHttp2Session;

  constructor({ url, ca, cert, key }: Identity) {
    this.#session = connect(url, { ca, cert, key, maxSessionMemory: 1000 });
  }

  close(): void {
    this.#session.destroy();
  }

  /** `keep`: what is answered is kept. */
  call(method: string, path: string, body?: object, keep = false): Promise<Answer> {
    const began = performance.now();
    return new Promise((resolve, reject) => {
      const type = { "content-type": "application/json", accept: "application/json" };
      const stream = this.#session.request({ ":method": method, ":path": path, ...type });
      const kept: Buffer[] = [];
      let [status, bytes] = [0, 0];
      stream.on("response", (answer) => {
        status = Number(answer[":status"]);
      });
      stream.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (keep) kept.push(chunk);
      });
      stream.on("end", () => {
        const milliseconds = performance.now() - began;
        resolve({ status, bytes, milliseconds, text: Buffer.concat(kept).toString() });
      });
      stream.on("error", reject);
      stream.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  async must(method: string, path: string, body?: object, keep = false): Promise<Answer> {
    const answer = await this.call(method, path, body, keep);
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
    return answer;
  }
}
