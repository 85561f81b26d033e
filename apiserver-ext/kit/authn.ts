/**
 * Delegated authentication: the front proxy's word, a client certificate of the cluster, or a bearer token that
 * the API server reviews. The first that names the caller counts; a credential that nobody vouches for refuses.
 */
import type { X509Certificate } from "node:crypto";
import type { AuthenticationConfig } from "./authentication-config.ts";
import { AnswerCache } from "./cache.ts";
import { callerFromHeaders, isFrontProxy } from "./front-proxy.ts";
import { type ApiRequest, header, headerLines, protocolsOf, TOKEN_PROTOCOL } from "./request.ts";
import type { Caller } from "./resource.ts";
import { tooManyRequests } from "./status.ts";
import { Throttle } from "./throttle.ts";
import { clientCertificate, isIssuedBy, subjectOf } from "./x509.ts";

export interface Authenticated {
  outcome: "authenticated";
  caller: Caller;
  /** The API server's aggregator says so: it has authenticated the caller itself. */
  frontProxied: boolean;
  /** Who acts as the caller, where somebody does. */
  impersonator?: Caller;
}

export type Authentication =
  | Authenticated
  /** No credential at all. */
  | { outcome: "anonymous" }
  /** There is a credential, and nobody vouches for it. */
  | { outcome: "refused" };

/** Rejects where nobody could tell. */
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
/** Whom the API server lets in without a credential stays that. */
const UNAUTHENTICATED = "system:unauthenticated";
const ANONYMOUS = "system:anonymous";
const TOKEN_TTL = 10_000;
const TOKENS_KEPT = 4096;
const REVIEWS_AT_ONCE = 20;
const REVIEWS_IN_A_BURST = 100;
const REVIEWS_PER_SECOND = 50;

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
    const token = tokenOf(request);
    const caller = byCertificate(presented) ?? (token === undefined ? undefined : await byToken(token));
    if (caller) return { outcome: "authenticated", caller: complete(caller), frontProxied: false };
    return { outcome: certificate || token !== undefined ? "refused" : "anonymous" };
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

/** "" for a credential that is no bearer token, undefined where there is none. */
function tokenOf(request: ApiRequest): string | undefined {
  const authorization = header(request, "authorization");
  if (authorization === "") return isWebSocket(request) ? tokenOfProtocols(request) : undefined;
  return /^bearer +(\S+)$/i.exec(authorization.trim())?.[1] ?? "";
}

function isWebSocket(request: ApiRequest): boolean {
  const says = (name: string, word: string) => header(request, name).toLowerCase().includes(word);
  return says("connection", "upgrade") && says("upgrade", "websocket");
}

/** Browsers set no headers on WebSockets, so their token is one of the subprotocols, and another one is for the answer. */
function tokenOfProtocols(request: ApiRequest): string | undefined {
  const [found, ...more] = protocolsOf(request).filter((each) => each.startsWith(TOKEN_PROTOCOL));
  if (found === undefined) return undefined;
  const encoded = found.slice(TOKEN_PROTOCOL.length);
  const isAlone = protocolsOf(request).length === 1;
  if (more.length > 0 || isAlone || !/^[A-Za-z0-9_-]+$/.test(encoded)) return "";
  return Buffer.from(encoded, "base64url").toString();
}

function complete(caller: Caller): Caller {
  const isKnown = caller.groups.some((group) => group === AUTHENTICATED || group === UNAUTHENTICATED);
  if (isKnown || caller.username === ANONYMOUS) return caller;
  return { ...caller, groups: [...caller.groups, AUTHENTICATED] };
}

/** @throws {StatusError} TooManyRequests: anybody may make up tokens, and the API server has to look at each. */
function reviewedTokens(review: TokenReview): (token: string) => Promise<Caller | undefined> {
  const answers = new AnswerCache<{ user: Caller | undefined }>(TOKENS_KEPT, TOKEN_TTL);
  const throttle = new Throttle(REVIEWS_AT_ONCE, REVIEWS_IN_A_BURST, REVIEWS_PER_SECOND);
  return async (token) => {
    if (token === "") return undefined;
    const { user } = await answers.get(token, async () => {
      const reviewed = await throttle.during(() => review(token));
      if (!reviewed) throw tooManyRequests();
      return { user: reviewed.result.authenticated ? reviewed.result.user : undefined };
    });
    return user;
  };
}
