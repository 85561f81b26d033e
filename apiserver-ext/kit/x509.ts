/** Client certificates: who issued them, and whom they name. */
import type { X509Certificate } from "node:crypto";
import { TLSSocket } from "node:tls";
import type { ApiRequest } from "./request.ts";

/** The certificate whose key the caller has proved to hold in the handshake. Nobody has checked who issued it. */
export function clientCertificate(request: ApiRequest): X509Certificate | undefined {
  const socket = request.socket;
  return socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
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
  return cas.some(
    (ca) => ca.ca && isValidAt(ca, now) && certificate.checkIssued(ca) && certificate.verify(ca.publicKey),
  );
}

function isValidAt(certificate: X509Certificate, now: Date): boolean {
  return certificate.validFromDate <= now && now <= certificate.validToDate;
}

function mayAuthenticateClients(certificate: X509Certificate): boolean {
  // Undefined where the certificate has no extended key usage; the type does not say so.
  const usages: readonly string[] | undefined = certificate.keyUsage;
  return usages === undefined || usages.includes(CLIENT_AUTH) || usages.includes(ANY_USAGE);
}

/** Common name ("" where there is not exactly one) and organizations. */
export function subjectOf(certificate: X509Certificate): { commonName: string; organizations: string[] } {
  // `subject` is text with escapes in it; this object holds the values themselves.
  const subject: Readonly<Record<string, unknown>> = { ...certificate.toLegacyObject().subject };
  const [commonName = "", ...more] = values(subject["CN"]);
  return { commonName: more.length === 0 ? commonName : "", organizations: values(subject["O"]) };
}

function values(attribute: unknown): string[] {
  const list: unknown[] = Array.isArray(attribute) ? attribute : [attribute];
  return list.filter((value) => typeof value === "string");
}
