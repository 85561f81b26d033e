/** `POST /token`: token exchange (RFC 8693) over HTTP. Behind TLS that somebody else ends. */
import { type NextFunction, type Request, type Response, Router, urlencoded } from "express";
import type { Exchanged, Wish } from "#core/exchange/exchange.ts";

const GRANT = "urn:ietf:params:oauth:grant-type:token-exchange";
const TYPE = "urn:ietf:params:oauth:token-type:";
const SUBJECT_TYPES = ["id_token", "access_token", "jwt"].map((name) => `${TYPE}${name}`);
const NAME = /^[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$/;
const NAMESPACE = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const DURATION = /^([0-9]{1,9}(\.[0-9]{1,3})?(s|m|h)){1,3}$/;
const LONGEST_REASON = 1000;

export type Exchange = (wish: Wish) => Promise<Exchanged>;

const CODES = { invalid_request: 400, invalid_target: 403, temporarily_unavailable: 503 } as const;

export function tokenEndpoint(exchange: Exchange): Router {
  const router = Router();
  router.post(
    "/token",
    urlencoded({ extended: false, limit: "64kb", parameterLimit: 20 }),
    (request, response) => answered(exchange, request, response),
  );
  router.use(unreadable);
  return router;
}

/** Express would tell where in our code it happened. All four parameters make it a handler of errors. */
function unreadable(error: unknown, _request: Request, response: Response, _next: NextFunction): void {
  const status =
    typeof error === "object" && error !== null && "status" in error ? Number(error.status) : 500;
  if (status < 500) failed(response, status, "invalid_request", "the body cannot be read");
  else failed(response, 503, "temporarily_unavailable", "the session could not be begun");
}

async function answered(exchange: Exchange, request: Request, response: Response): Promise<void> {
  response.set({ "cache-control": "no-store", pragma: "no-cache" });
  const wish = wishIn(request.body);
  if (typeof wish === "string") return failed(response, 400, "invalid_request", wish);
  const outcome = await exchange(wish);
  if (outcome.kind === "refused") return failed(response, CODES[outcome.error], outcome.error, outcome.why);
  const { metadata, status } = outcome.session;
  response.json({
    ...{ access_token: outcome.token, issued_token_type: `${TYPE}access_token`, token_type: "Bearer" },
    expires_in: outcome.expiresInSeconds,
    session: {
      ...{ namespace: metadata.namespace, name: metadata.name },
      ...{ path: status.path, expiresAt: status.expiresAt },
    },
  });
}

function failed(response: Response, code: number, error: string, description: string): void {
  response.status(code).json({ error, error_description: description });
}

/** Or what is wrong with it. */
function wishIn(body: unknown): Wish | string {
  const fields = (typeof body === "object" && body !== null ? body : {}) as Record<string, unknown>;
  const text = (name: string) => {
    const value = fields[name];
    return typeof value === "string" ? value : "";
  };
  if (Object.values(fields).some((value) => typeof value !== "string")) return "no parameter may come twice";
  const [token, profile, namespace] = [text("subject_token"), text("profile"), text("namespace")];
  const [duration, reason] = [text("duration"), text("reason")];
  const checks: [boolean, string][] = [
    [text("grant_type") === GRANT, `grant_type must be ${GRANT}`],
    [
      SUBJECT_TYPES.includes(text("subject_token_type")),
      `subject_token_type must be one of ${SUBJECT_TYPES.join(", ")}`,
    ],
    [token !== "", "subject_token is needed"],
    [NAME.test(profile), "profile is needed: the name of an AgentProfile"],
    [NAMESPACE.test(namespace), "namespace is needed: where the session shall be"],
    [duration === "" || DURATION.test(duration), "duration must be such as 90s, 20m, 1h"],
    [reason.length <= LONGEST_REASON, `reason must have ${LONGEST_REASON} characters at most`],
  ];
  const wrong = checks.find(([isRight]) => !isRight);
  if (wrong !== undefined) return wrong[1];
  return {
    ...{ token, profile, namespace },
    ...(duration === "" ? {} : { duration }),
    ...(reason === "" ? {} : { reason }),
  };
}
