/** Many reads, or reads of bytes, through the API server: by one `kubectl proxy`, on a socket that only we can open. */
import { mkdtempSync, rmSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectionArgs } from "./api.ts";
import type { Context } from "./context.ts";
import { ApiError, CommandError } from "./failure.ts";
import type { ConnectionFlags } from "./flags.ts";
import type { Finished } from "./kubectl.ts";

export interface Answer {
  code: number;
  body: Buffer;
}

/** `path`: what follows the root. */
export type Ask = (path: string) => Promise<Answer>;

export interface Proxied {
  ask: Ask;
  close(): void;
}

/** `root`: under which all that is asked for lies; it ends with a slash. */
export async function proxied(context: Context, flags: ConnectionFlags, root: string): Promise<Proxied> {
  const directory = mkdtempSync(join(tmpdir(), "hoop-"));
  const socket = join(directory, "proxy");
  const ends = new AbortController();
  // The address of a session has a path, which kubectl proxy leaves out by itself.
  const how = [`--unix-socket=${socket}`, `--accept-paths=^${root}`, "--append-server-path"];
  const args = ["proxy", ...how, ...connectionArgs(flags)];
  const proxy = context.kubectl.follow(args, ends.signal);
  const agent = new Agent({ keepAlive: true });
  const close = () => {
    ends.abort();
    agent.destroy();
    void proxy.return({ code: 0, stdout: "", stderr: "" }).catch(() => undefined);
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    const began = await proxy.next();
    if (began.done === true) throw new CommandError(saidOf(began.value));
    return { ask: (path) => asked(agent, socket, `${root}${path}`), close };
  } catch (error) {
    close();
    throw error;
  }
}

/** The body. Throws {@link ApiError} for any other answer than 200. */
export function succeeded({ code, body }: Answer, path: string): Buffer {
  if (code === 200) return body;
  throw new ApiError("", `${path}: ${messageIn(body.toString()) ?? said(code, body)}`);
}

function saidOf({ code, stderr }: Finished): string {
  return stderr === "" ? `kubectl proxy ended with exit code ${code}` : stderr.replace(/^error: /, "");
}

/** kubectl proxy says in plain text that it does not reach the API server. */
function said(code: number, body: Buffer): string {
  const text = body.toString("utf8", 0, 300).trim();
  return `the server answered ${code}${text === "" ? "" : `: ${text}`}`;
}

function messageIn(text: string): string | undefined {
  try {
    const status: unknown = JSON.parse(text);
    const isStatus = typeof status === "object" && status !== null && "message" in status;
    return isStatus && typeof status.message === "string" ? status.message : undefined;
  } catch {
    return undefined;
  }
}

function asked(agent: Agent, socketPath: string, path: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ agent, socketPath, path }, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("error", (error: Error) => reject(broken(error)));
      response.on("end", () => resolve({ code: response.statusCode ?? 0, body: Buffer.concat(parts) }));
    });
    sent.on("error", (error: Error) => reject(broken(error)));
    sent.end();
  });
}

function broken({ message }: Error): CommandError {
  return new CommandError(`the connection to the API server broke: ${message}`);
}
