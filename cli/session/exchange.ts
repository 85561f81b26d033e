/** Token exchange (RFC 8693) with Hoop: an OpenID Connect token for a session and the token that may use it. */
import { readFileSync } from "node:fs";
import { CommandError } from "../failure.ts";

export interface Wish {
  profile: string;
  namespace: string;
  duration: string | undefined;
  reason: string | undefined;
}

export interface Exchanged {
  token: string;
  session: { namespace: string; name: string; path: string; expiresAt: string };
}

const TYPE = "urn:ietf:params:oauth:token-type:";
const TIMEOUT_MILLISECONDS = 30_000;

/** `url`: of Hoop's `/token`. Rejects with a CommandError. */
export async function exchanged(url: string, token: string, wish: Wish): Promise<Exchanged> {
  const body = new URLSearchParams({
    grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
    ...{ subject_token: token, subject_token_type: `${TYPE}jwt` },
    ...{ profile: wish.profile, namespace: wish.namespace },
    ...(wish.duration === undefined ? {} : { duration: wish.duration }),
    ...(wish.reason === undefined ? {} : { reason: wish.reason }),
  });
  const answer = await answered(url, body);
  const { access_token: given, session } = answer.fields;
  if (answer.ok && typeof given === "string" && isSession(session)) return { token: given, session };
  const { error_description: why, error } = answer.fields;
  const said = [why, error].find((one) => typeof one === "string") ?? "this is no address of Hoop's /token";
  throw new CommandError(`the token was not exchanged: ${said}`);
}

async function answered(
  url: string,
  body: URLSearchParams,
): Promise<{ ok: boolean; fields: Record<string, unknown> }> {
  const signal = AbortSignal.timeout(TIMEOUT_MILLISECONDS);
  try {
    // Elsewhere the token is nobody's business.
    const response = await fetch(url, { method: "POST", body, redirect: "error", signal });
    const fields: unknown = await response.json().catch(() => ({}));
    return { ok: response.ok, fields: (fields ?? {}) as Record<string, unknown> };
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    throw new CommandError(`${url}: ${cause instanceof Error ? cause.message : cause}`);
  }
}

function isSession(value: unknown): value is Exchanged["session"] {
  if (typeof value !== "object" || value === null) return false;
  const fields = value as Record<string, unknown>;
  return ["namespace", "name", "path", "expiresAt"].every((name) => typeof fields[name] === "string");
}

/** The token in a file, without what surrounds it. Throws a CommandError. */
export function tokenIn(file: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    throw new CommandError(`--token-file: ${error instanceof Error ? error.message : error}`);
  }
}

/** Tokens go over no wire in the clear, but to this machine. */
export function exchangeUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isLocal = ["127.0.0.1", "[::1]", "localhost"].includes(url?.hostname ?? "");
  if (url !== undefined && (url.protocol === "https:" || (url.protocol === "http:" && isLocal))) return text;
  throw new CommandError("not an address that begins with https://");
}
