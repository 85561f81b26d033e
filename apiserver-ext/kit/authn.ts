/**
 * Delegated authentication: the front proxy's word, a client certificate of the cluster, or a bearer token that
 * the API server reviews. The first that names the caller counts; a credential that nobody vouches for refuses.
 */
import { createHash, type X509Certificate } from "node:crypto";
import type { AuthenticationConfig } from "./authentication-config.ts";
import { ExpiringCache } from "./cache.ts";
import { callerFromHeaders, isFrontProxy } from "./front-proxy.ts";
import { type ApiRequest, header, headerLines } from "./request.ts";
import type { Caller } from "./resource.ts";
import { StatusError } from "./status.ts";
import { clientCertificate, isIssuedBy, subjectOf } from "./x509.ts";

export interface Authenticated {
  outcome: "authenticated";
  caller: Caller;
  /** The API server's aggregator says so: it has authenticated the caller itself. */
  frontProxied: boolean;
}

export type Authentication =
  | Authenticated
  /** No credential at all. */
  | { outcome: "anonymous" }
  /** There is a credential, and nobody vouches for it. */
  | { outcome: "refused" };

/** Rejects with a {@link StatusError} where the request must not be served whoever asks. */
export type Authenticate = (request: ApiRequest) => Promise<Authentication>;

/** TokenReview. Rejects when the API server could not be asked. */
export type TokenReview = (
  token: string,
) => Promise<{ authenticated: true; user: Caller } | { authenticated: false }>;

export interface AuthenticationPorts {
  /** As the cluster says now; undefined while that is not known: then no certificate is believed. */
  config: () => AuthenticationConfig | undefined;
  tokenReview: TokenReview;
}

const AUTHENTICATED = "system:authenticated";
const TOKEN_TTL = 10_000;
const TOKENS_KEPT = 4096;

interface Presented {
  request: ApiRequest;
  certificate: X509Certificate | undefined;
  config: AuthenticationConfig | undefined;
}

export function delegatedAuthentication(ports: AuthenticationPorts): Authenticate {
  const byToken = reviewedTokens(ports.tokenReview);
  return async (request) => {
    const certificate = clientCertificate(request);
    const presented = { request, certificate, config: certificate && ports.config() };
    const vouchedFor = byFrontProxy(presented);
    if (vouchedFor) return { outcome: "authenticated", caller: complete(vouchedFor), frontProxied: true };
    refuseImpersonation(request);
    const authorization = header(request, "authorization");
    const caller = byCertificate(presented) ?? (await byToken(bearerToken(authorization)));
    if (caller) return { outcome: "authenticated", caller: complete(caller), frontProxied: false };
    return { outcome: certificate || authorization !== "" ? "refused" : "anonymous" };
  };
}

function byFrontProxy({ request, certificate, config }: Presented): Caller | undefined {
  const frontProxy = config?.frontProxy;
  const isTrusted = certificate && frontProxy && isFrontProxy(certificate, frontProxy, new Date());
  return isTrusted ? callerFromHeaders(headerLines(request), frontProxy) : undefined;
}

function byCertificate({ certificate, config }: Presented): Caller | undefined {
  if (!certificate || !config || !isIssuedBy(certificate, config.clientCAs, new Date())) return undefined;
  const { commonName, organizations } = subjectOf(certificate);
  return commonName === ""
    ? undefined
    : { username: commonName, uid: "", groups: organizations, extra: new Map() };
}

function bearerToken(authorization: string): string {
  return /^bearer +(\S+)$/i.exec(authorization.trim())?.[1] ?? "";
}

function complete(caller: Caller): Caller {
  return caller.groups.includes(AUTHENTICATED)
    ? caller
    : { ...caller, groups: [...caller.groups, AUTHENTICATED] };
}

/** The API server carries impersonation out before it forwards; here nobody would check the right to it. */
function refuseImpersonation(request: ApiRequest): void {
  if (headerLines(request).some(([name]) => name.startsWith("impersonate-"))) {
    throw new StatusError("Forbidden", "impersonation is not served at this address: ask the API server");
  }
}

function reviewedTokens(review: TokenReview): (token: string) => Promise<Caller | undefined> {
  const cache = new ExpiringCache<{ user: Caller | undefined }>(TOKENS_KEPT);
  return async (token) => {
    if (token === "") return undefined;
    // A digest: memory need not hold credentials.
    const key = createHash("sha256").update(token).digest("base64");
    const known = cache.get(key);
    if (known) return known.user;
    const answer = await review(token);
    const user = answer.authenticated ? answer.user : undefined;
    cache.set(key, { user }, TOKEN_TTL);
    return user;
  };
}
