/** One request, and its answer as JSON: kubectl has no words for what is not the API server. */
import { request as plain } from "node:http";
import { request as secure } from "node:https";
import { CommandError } from "../failure.ts";

export interface Asked {
  method: "GET" | "POST";
  headers?: Record<string, string>;
  body?: string;
  /** PEM; left out, whom this machine trusts. */
  ca?: string | undefined;
  /** Another name than the address has. */
  servername?: string | undefined;
  isTrusted?: boolean;
  signal?: AbortSignal;
}

export interface Answered {
  code: number;
  /** Of a JSON object; of plain text it is the `message`. */
  fields: Record<string, unknown>;
}

const TIMEOUT_MILLISECONDS = 30_000;
const LONGEST_ANSWER = 1024 * 1024;
/** Whoever shows these is not known here. */
const UNKNOWN = /self.signed|unable to (verify|get)|UNABLE_TO|altnames/i;

/** Redirections are not followed: what is sent is nobody else's business. Rejects with a CommandError. */
export function answered(url: string, { body, signal, ca, servername, isTrusted, ...asked }: Asked) {
  const { promise, resolve, reject } = Promise.withResolvers<Answered>();
  const failed = ({ message }: Error) => {
    const hint = UNKNOWN.test(message) ? " (whom to trust: --exchange-ca FILE)" : "";
    reject(new CommandError(`${url}: ${message}${hint}`));
  };
  const timeout = AbortSignal.timeout(TIMEOUT_MILLISECONDS);
  const options = {
    ...asked,
    agent: false,
    signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    ...(ca === undefined ? {} : { ca }),
    ...(servername === undefined ? {} : { servername }),
    rejectUnauthorized: isTrusted !== true,
  };
  const request = url.startsWith("https:") ? secure(url, options) : plain(url, options);
  request.on("error", failed);
  request.on("response", (response) => {
    let text = "";
    response.setEncoding("utf8").on("error", failed);
    response.on("data", (chunk: string) => {
      text += chunk;
      if (text.length > LONGEST_ANSWER) request.destroy(new Error("its answer has no end"));
    });
    response.on("end", () => {
      const isPlain = response.headers["content-type"]?.startsWith("text/plain") === true;
      const fields = isPlain ? { message: text.trim() } : fieldsIn(text);
      resolve({ code: response.statusCode ?? 0, fields });
    });
  });
  request.end(body);
  return promise;
}

function fieldsIn(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
