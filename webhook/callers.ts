/**
 * Who may post reviews: the API server, known by the client certificate that its AdmissionConfiguration and webhook
 * kubeconfigs name. Where that cannot be had, an explicit setting takes an unguessable path instead, and every
 * record then says `caller: unverified`.
 */
import { createHash, timingSafeEqual, type X509Certificate } from "node:crypto";
import { clientCertificate, isIssuedBy, subjectOf } from "#kit/x509.ts";
import type { Request } from "./server.ts";

export type Callers =
  /** The CAs of which one signed the API server's webhook client certificate, and the name in it. */
  | { mode: "client-certificate"; authorities: readonly X509Certificate[]; commonName: string }
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

/** What was found out about a connection; it keeps its certificate as long as it lives. */
const known = new WeakMap<object, { authorities: readonly X509Certificate[]; until: number }>();

function hasCertificate(
  { authorities, commonName }: Extract<Callers, { mode: "client-certificate" }>,
  request: Request,
): boolean {
  // Under HTTP/2 a request's socket is a stand-in of its own; the session is the connection.
  const connection = ("stream" in request ? request.stream.session : undefined) ?? request.socket;
  const now = new Date();
  const before = known.get(connection);
  if (before?.authorities === authorities) return now.getTime() < before.until;
  const presented = clientCertificate(request);
  if (presented === undefined || subjectOf(presented).commonName !== commonName) return false;
  const issuer = authorities.find((authority) => isIssuedBy(presented, [authority], now));
  if (issuer === undefined) return false;
  const until = Math.min(presented.validToDate.getTime(), issuer.validToDate.getTime());
  known.set(connection, { authorities, until });
  return true;
}

function same(a: string, b: string): boolean {
  const hash = (value: string) => createHash("sha256").update(value).digest();
  return b !== "" && timingSafeEqual(hash(a), hash(b));
}
