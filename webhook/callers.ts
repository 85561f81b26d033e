/**
 * Who may post reviews: the API server, known by the client certificate that its AdmissionConfiguration and webhook
 * kubeconfigs name. Where that cannot be had, an explicit setting takes an unguessable path instead, and every
 * record then says `caller: unverified`.
 */
import { createHash, timingSafeEqual, X509Certificate } from "node:crypto";
import type { TLSSocket } from "node:tls";
import type { Request } from "./server.ts";

export type Callers =
  /** PEM of the CA that signed the API server's webhook client certificate, and the name in it. */
  | { mode: "client-certificate"; authority: string; commonName: string }
  /** The secret part of `/validate/SECRET` and `/mutate/SECRET`. */
  | { mode: "unguessable-path"; secret: string };

export interface Caller {
  kind: "verified" | "unverified" | "unknown";
  /** The endpoint's name, without slashes and secret. */
  endpoint: string;
}

export function identifyCaller(callers: Callers, request: Request, path: string): Caller {
  const [, endpoint = "", secret = "", ...rest] = path.split("/");
  if (rest.length > 0) return { kind: "unknown", endpoint };
  if (callers.mode === "unguessable-path")
    return { kind: same(secret, callers.secret) ? "unverified" : "unknown", endpoint };
  const known = secret === "" && hasCertificate(callers, request);
  return { kind: known ? "verified" : "unknown", endpoint };
}

function hasCertificate(
  callers: Extract<Callers, { mode: "client-certificate" }>,
  request: Request,
): boolean {
  const socket = tlsSocket(request);
  const presented = socket?.getPeerX509Certificate?.();
  if (presented === undefined) return false;
  const authority = new X509Certificate(callers.authority);
  const now = Date.now();
  return (
    presented.checkIssued(authority) &&
    presented.verify(authority.publicKey) &&
    presented.validFromDate.getTime() <= now &&
    presented.validToDate.getTime() > now &&
    presented.subject.split("\n").includes(`CN=${callers.commonName}`)
  );
}

/** Under HTTP/2 a request's `socket` is a proxy; the session has the real one. */
function tlsSocket(request: Request): TLSSocket | undefined {
  const socket = "stream" in request ? request.stream.session?.socket : request.socket;
  return socket as TLSSocket | undefined;
}

function same(a: string, b: string): boolean {
  const hash = (value: string) => createHash("sha256").update(value).digest();
  return b !== "" && timingSafeEqual(hash(a), hash(b));
}
