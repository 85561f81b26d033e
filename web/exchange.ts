/** `POST /token`, token exchange (RFC 8693), and `POST /revoke` (RFC 7009) of what it was exchanged for. */
import { isIPv6 } from "node:net";
import { type NextFunction, type Request, type Response, Router, urlencoded } from "express";
import type { Exchanged, Wish } from "#core/exchange/exchange.ts";
import type { Limit } from "#core/exchange/limit.ts";

const GRANT = "urn:ietf:params:oauth:grant-type:token-exchange";
const TYPE = "urn:ietf:params:oauth:token-type:";
const SUBJECT_TYPES = ["id_token", "access_token", "jwt"].map((name) => `${TYPE}${name}`);
const NAME = /^[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$/;
const NAMESPACE = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const DURATION = /^([0-9]{1,9}(\.[0-9]{1,3})?(s|m|h)){1,3}$/;
const LONGEST_REASON = 1000;

export interface Exchange {
  exchange(wish: Wish): Promise<Exchanged>;
  /** Resolves also where there is nothing to revoke. */
  revoke(token: string): Promise<void>;
  /** How often one address may ask. */
  sources: Limit;
}

/** Those of RFC 6749, 5.2, and RFC 8693, 2.2.2, are 400; the two others are of RFC 8628 and of RFC 6749, 4.1.2.1. */
const CODES = {
  ...{ invalid_request: 400, invalid_target: 400, invalid_scope: 400, unsupported_grant_type: 400 },
  ...{ slow_down: 429, temporarily_unavailable: 503 },
} as const;

type OAuthError = keyof typeof CODES;

export function tokenEndpoint(exchange: Exchange): Router {
  const router = Router();
  const form = urlencoded({ extended: false, limit: "64kb", parameterLimit: 20 });
  const limited = (request: Request, response: Response, next: NextFunction) =>
    isTooOften(exchange.sources, request, response) ? undefined : next();
  router.post("/token", limited, form, (request, response) => answered(exchange, request, response));
  router.post("/revoke", limited, form, (request, response) => revoked(exchange, request, response));
  router.all(["/token", "/revoke"], (_request, response) => {
    response.set("allow", "POST");
    failed(response, "invalid_request", "only POST, with a form, is answered here", 405);
  });
  router.use(unreadable);
  return router;
}

function isTooOften(sources: Limit, { socket }: Request, response: Response): boolean {
  const wait = sources.take(networkOf(socket.remoteAddress ?? ""));
  if (wait !== undefined) tooOften(response, wait.retryAfterSeconds, "this address asks too often");
  return wait !== undefined;
}

/** Of IPv6, who has one address has 2⁶⁴. */
function networkOf(address: string): string {
  return isIPv6(address) && !address.startsWith("::ffff:")
    ? address.split(":").slice(0, 4).join(":")
    : address;
}

function tooOften(response: Response, seconds: number, why: string): void {
  response.set("retry-after", String(seconds));
  failed(response, "slow_down", `${why}: ask again in ${seconds}s`);
}

/** Express would tell where in our code it happened. All four parameters make it a handler of errors. */
function unreadable(error: unknown, _request: Request, response: Response, _next: NextFunction): void {
  const status =
    typeof error === "object" && error !== null && "status" in error ? Number(error.status) : 500;
  if (status < 500) failed(response, "invalid_request", "the body cannot be read", status);
  else failed(response, "temporarily_unavailable", "it could not be done");
}

async function answered({ exchange }: Exchange, request: Request, response: Response): Promise<void> {
  const wish = wishIn(request.body);
  if ("error" in wish) return failed(response, wish.error, wish.why);
  const outcome = await exchange(wish);
  if (outcome.kind === "too-often")
    return tooOften(response, outcome.retryAfterSeconds, "this subject asks too often");
  if (outcome.kind === "refused") return failed(response, outcome.error, outcome.why);
  unkept(response);
  const { metadata, status } = outcome.session;
  response.json({
    ...{ access_token: outcome.token, issued_token_type: `${TYPE}access_token`, token_type: "Bearer" },
    expires_in: outcome.expiresInSeconds,
    session: {
      ...{ namespace: metadata.namespace, name: metadata.name, phase: status.phase },
      ...(status.approval === undefined ? {} : { approval: status.approval }),
      ...{ path: status.path, expiresAt: status.expiresAt },
    },
  });
}

async function revoked({ revoke }: Exchange, request: Request, response: Response): Promise<void> {
  const { token } = fieldsIn(request.body);
  if (typeof token !== "string" || token === "")
    return failed(response, "invalid_request", "token is needed, once");
  await revoke(token);
  unkept(response);
  response.status(200).end();
}

function unkept(response: Response): void {
  response.set({ "cache-control": "no-store", pragma: "no-cache" });
}

function failed(response: Response, error: OAuthError, why: string, code: number = CODES[error]): void {
  unkept(response);
  response.status(code).json({ error, error_description: why });
}

function fieldsIn(body: unknown): Record<string, unknown> {
  return (typeof body === "object" && body !== null ? body : {}) as Record<string, unknown>;
}

/** Or what is wrong with it. */
function wishIn(body: unknown): Wish | { error: OAuthError; why: string } {
  const fields = fieldsIn(body);
  const text = (name: string) => {
    const value = fields[name];
    return typeof value === "string" ? value : "";
  };
  const [token, profile, namespace] = [text("subject_token"), text("profile"), text("namespace")];
  const [duration, reason, given] = [text("duration"), text("reason"), text("requested_token_type")];
  const checks: [boolean, string, OAuthError?][] = [
    [Object.values(fields).every((value) => typeof value === "string"), "no parameter may come twice"],
    [text("grant_type") !== "", "grant_type is needed, in a body of application/x-www-form-urlencoded"],
    [text("grant_type") === GRANT, `grant_type must be ${GRANT}`, "unsupported_grant_type"],
    [
      SUBJECT_TYPES.includes(text("subject_token_type")),
      `subject_token_type must be one of ${SUBJECT_TYPES.join(", ")}`,
    ],
    [token !== "", "subject_token is needed"],
    [text("actor_token") === "", "nobody acts for another here: no actor_token"],
    [given === "" || given === `${TYPE}access_token`, `requested_token_type can be ${TYPE}access_token`],
    [text("resource") === "" && text("audience") === "", "tokens are for sessions alone", "invalid_target"],
    [text("scope") === "", "the profile says what may be done: no scope", "invalid_scope"],
    [NAME.test(profile), "profile is needed: the name of an AgentProfile"],
    [NAMESPACE.test(namespace), "namespace is needed: where the session shall be"],
    [duration === "" || DURATION.test(duration), "duration must be such as 90s, 20m, 1h"],
    [reason.length <= LONGEST_REASON, `reason must have ${LONGEST_REASON} characters at most`],
  ];
  const wrong = checks.find(([isRight]) => !isRight);
  if (wrong !== undefined) return { error: wrong[2] ?? "invalid_request", why: wrong[1] };
  return {
    ...{ token, profile, namespace },
    ...(duration === "" ? {} : { duration }),
    ...(reason === "" ? {} : { reason }),
  };
}
