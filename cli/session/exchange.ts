/** Token exchange (RFC 8693) with Hoop: an OpenID Connect token for a session and the token that may use it. */
import { readFileSync } from "node:fs";
import { CommandError } from "../failure.ts";
import { answered } from "./http.ts";
import type { Terms } from "./terms.ts";

export interface BegunSession {
  namespace: string;
  name: string;
  phase: string;
  /** Whose decision it waits for. */
  approval?: string;
  path: string;
  expiresAt: string;
}

export interface Exchanged {
  token: string;
  /** How long the token is good for. */
  expiresInSeconds: number;
  session: BegunSession;
}

const TYPE = "urn:ietf:params:oauth:token-type:";
const FORM = { "content-type": "application/x-www-form-urlencoded" };

/** Rejects with a CommandError. */
export async function exchanged(terms: Terms, token: string): Promise<Exchanged> {
  const { profile, namespace, duration, reason } = terms;
  const body = new URLSearchParams({
    grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
    ...{ subject_token: token, subject_token_type: `${TYPE}jwt` },
    ...{ profile, namespace },
    ...(duration === undefined ? {} : { duration }),
    ...(reason === undefined ? {} : { reason }),
  });
  const { code, fields } = await posted(terms, terms.exchange, body);
  const { access_token: given, expires_in: expires, session } = fields;
  if (code === 200 && typeof given === "string" && isSession(session))
    return { token: given, expiresInSeconds: Number(expires), session };
  const { error_description: why, error } = fields;
  const said = [why, error].find((one) => typeof one === "string") ?? "this is no address of Hoop's /token";
  throw new CommandError(`the token was not exchanged: ${said.replace(/^the token: /, "")}`);
}

/** Ends the session of that token (RFC 7009), beside where it was exchanged. Rejects with a CommandError. */
export async function revoked(terms: Terms, token: string): Promise<void> {
  const url = new URL("revoke", terms.exchange).href;
  const { code, fields } = await posted(terms, url, new URLSearchParams({ token }));
  if (code !== 200)
    throw new CommandError(`the session may go on: ${fields["error_description"] ?? `${url}: ${code}`}`);
}

function posted({ exchangeCa }: Terms, url: string, body: URLSearchParams) {
  const ca = exchangeCa === undefined ? undefined : textIn(exchangeCa, "--exchange-ca: the file");
  return answered(url, { method: "POST", headers: FORM, body: body.toString(), ca });
}

function isSession(value: unknown): value is BegunSession {
  if (typeof value !== "object" || value === null) return false;
  const fields = value as Record<string, unknown>;
  return ["namespace", "name", "phase", "path", "expiresAt"].every(
    (name) => typeof fields[name] === "string",
  );
}

/** Throws a CommandError that names the file, after `what` it is. */
export function textIn(file: string, what: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    // "ENOENT: no such file or directory, open 'token'" names it again.
    const [, said = why] = /^E[A-Z]+: ([^,]+), /.exec(why) ?? [];
    throw new CommandError(`${what} ${file} cannot be read: ${said}`);
  }
}

/** Tokens go over no wire in the clear, but to this machine. */
export function exchangeUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isLocal = ["127.0.0.1", "[::1]", "localhost"].includes(url?.hostname ?? "");
  if (url !== undefined && (url.protocol === "https:" || (url.protocol === "http:" && isLocal))) return text;
  throw new CommandError("not an address that begins with https://");
}
