/** Client certificates: who issued them, and whom they name. */
import type { X509Certificate } from "node:crypto";
import { TLSSocket } from "node:tls";
import type { ApiRequest } from "./request.ts";

/** Per connection (an HTTP/2 session, a TLS socket): a certificate is read once, not with each request. */
const presented = new WeakMap<object, X509Certificate>();

/** The certificate whose key the caller has proved to hold in the handshake. Nobody has checked who issued it. */
export function clientCertificate(request: ApiRequest): X509Certificate | undefined {
  const { socket } = request;
  if (!(socket instanceof TLSSocket)) return undefined;
  // Under HTTP/2 a request's socket is a stand-in of its own; the session is the connection.
  const connection = ("stream" in request ? request.stream.session : undefined) ?? socket;
  const certificate = presented.get(connection) ?? socket.getPeerX509Certificate();
  if (certificate) presented.set(connection, certificate);
  return certificate;
}

const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";
const ANY_USAGE = "2.5.29.37.0";

/**
 * Whether one of the CAs itself issued the certificate, for client authentication, and both are valid now.
 * Chains through intermediates do not count: a bundle that wants them trusted names them.
 */
export function isIssuedBy(
  certificate: X509Certificate,
  cas: readonly X509Certificate[],
  now: Date,
): boolean {
  if (!isValidAt(certificate, now) || !mayAuthenticateClients(certificate)) return false;
  return cas.some((ca) => ca.ca && isValidAt(ca, now) && isSignedBy(certificate, ca));
}

const signed = new WeakMap<X509Certificate, WeakMap<X509Certificate, boolean>>();

/** Found out once for each pair: a signature does not change, and checking one takes as long as a small request. */
function isSignedBy(certificate: X509Certificate, ca: X509Certificate): boolean {
  const known = signed.get(certificate) ?? new WeakMap<X509Certificate, boolean>();
  signed.set(certificate, known);
  const is = known.get(ca) ?? (certificate.checkIssued(ca) && certificate.verify(ca.publicKey));
  known.set(ca, is);
  return is;
}

function isValidAt(certificate: X509Certificate, now: Date): boolean {
  return certificate.validFromDate <= now && now <= certificate.validToDate;
}

function mayAuthenticateClients(certificate: X509Certificate): boolean {
  // Undefined where the certificate has no extended key usage; the type does not say so.
  const usages: readonly string[] | undefined = certificate.keyUsage;
  return usages === undefined || usages.includes(CLIENT_AUTH) || usages.includes(ANY_USAGE);
}

interface Subject {
  /** "" where there is not exactly one. */
  commonName: string;
  organizations: readonly string[];
}

const subjects = new WeakMap<X509Certificate, Subject>();

export function subjectOf(certificate: X509Certificate): Subject {
  const subject = subjects.get(certificate) ?? readSubject(certificate);
  subjects.set(certificate, subject);
  return subject;
}

function readSubject(certificate: X509Certificate): Subject {
  // `subject` is text with escapes in it; this object holds the values themselves.
  const subject: Readonly<Record<string, unknown>> = { ...certificate.toLegacyObject().subject };
  const [commonName = "", ...more] = values(subject["CN"]);
  return { commonName: more.length === 0 ? commonName : "", organizations: values(subject["O"]) };
}

function values(attribute: unknown): string[] {
  const list: unknown[] = Array.isArray(attribute) ? attribute : [attribute];
  return list.filter((value) => typeof value === "string");
}
