/** HTTPS as one user of an API server that may die at any moment. */
import { Agent, request } from "node:https";
import { text } from "node:stream/consumers";
import { credentialsIn } from "../raw.ts";

export interface Call {
  method: "GET" | "POST" | "PATCH" | "DELETE";
  path: string;
  body?: object;
  /** Of the body; by default JSON. */
  type?: string;
  /** Hangs up. */
  signal?: AbortSignal;
}

/** What was answered; `code` 0: nothing. */
export interface Reply {
  code: number;
  text: string;
  warnings: string;
  retryAfterSeconds: number;
}

/** Never rejects. */
export type Caller = (call: Call) => Promise<Reply>;

/** No write takes the API server longer. */
const PATIENCE_MILLISECONDS = 45_000;

export async function callerOf(kubeconfig: string): Promise<Caller> {
  const { identity, port } = await credentialsIn(kubeconfig);
  // Whose certificate answers is not looked at here. The API server hangs up on who was silent for 90 s, and a request
  // that meets that is cut although nobody was killed.
  const agent = new Agent({ keepAlive: true, timeout: 30_000, rejectUnauthorized: false, ...identity });
  return ({ method, path, body, type = "application/json", signal }) => {
    const { promise, resolve } = Promise.withResolvers<Reply>();
    const unanswered = (error: Error) =>
      resolve({ code: 0, text: error.message, warnings: "", retryAfterSeconds: 0 });
    const sending = body === undefined ? undefined : JSON.stringify(body);
    const headers = {
      accept: "application/json",
      ...(sending === undefined
        ? {}
        : { "content-type": type, "content-length": Buffer.byteLength(sending) }),
    };
    const patience = AbortSignal.timeout(PATIENCE_MILLISECONDS);
    const ends = signal === undefined ? patience : AbortSignal.any([signal, patience]);
    const sent = request({ host: "127.0.0.1", port, method, path, agent, headers, signal: ends });
    sent.once("error", unanswered);
    sent.once("response", (response) => {
      const { statusCode: code = 0, headers: given } = response;
      const retryAfterSeconds = Number(given["retry-after"] ?? 0);
      const warnings = [given["warning"] ?? ""].flat().join(" ");
      text(response).then((said) => resolve({ code, text: said, warnings, retryAfterSeconds }), unanswered);
    });
    sent.end(sending);
    return promise;
  };
}

/** The JSON of a 2xx; asks until there is one. */
export async function insist(caller: Caller, call: Call): Promise<unknown> {
  const deadline = Date.now() + 90_000;
  for (;;) {
    const { code, text: said } = await caller(call);
    if (code >= 200 && code < 300) return JSON.parse(said);
    if (Date.now() > deadline) throw new Error(`${call.method} ${call.path}: ${code} ${said}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
