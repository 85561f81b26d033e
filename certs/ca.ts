/** Certificate authorities: our own root for serving certificates, and another for client certificates. */
import { generateKeyPairSync, randomBytes, X509Certificate } from "node:crypto";
import forge from "node-forge";

/** A CA: its self-signed certificate and its private key, both PEM. */
export interface Authority {
  certificate: string;
  key: string;
}

export const DAY = 24 * 3600 * 1000;

/** Clocks of other machines may be a little behind ours. */
const BACKDATED = 5 * 60 * 1000;

/** A new RSA private key, PKCS #8 PEM. By OpenSSL: forge's own generator takes seconds. */
export function createKey(): string {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}

/** A new CA with this common name; `key` keeps an existing key, so that what it has signed stays valid. */
export function createAuthority(name: string, years = 10, key = createKey()): Authority {
  const certificate = signCertificate({
    subject: [{ name: "commonName", value: name }],
    key,
    days: years * 365,
    extensions: [
      { name: "basicConstraints", cA: true, critical: true },
      { name: "keyUsage", keyCertSign: true, cRLSign: true, digitalSignature: true, critical: true },
    ],
  });
  return { certificate, key };
}

export interface Request {
  subject: forge.pki.CertificateField[];
  /** The private key (PEM) whose public half is certified. */
  key: string;
  days: number;
  /** Beside the key identifiers, which every certificate gets. */
  extensions: object[];
  /** Left out: self-signed. */
  issuer?: Authority;
}

/** Signs one certificate (PEM) with SHA-256. It never outlives its issuer. */
export function signCertificate(request: Request): string {
  const key = forge.pki.privateKeyFromPem(request.key);
  const issuer = request.issuer === undefined ? undefined : parsedAuthority(request.issuer);
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.setRsaPublicKey(key.n, key.e);
  certificate.serialNumber = serialNumber();
  certificate.validity.notBefore = new Date(Date.now() - BACKDATED);
  certificate.validity.notAfter = earlier(
    new Date(Date.now() + request.days * DAY),
    issuer?.certificate.validity.notAfter,
  );
  certificate.setSubject(request.subject);
  certificate.setIssuer(issuer?.certificate.subject.attributes ?? request.subject);
  const authorityKey = (issuer?.certificate ?? certificate).generateSubjectKeyIdentifier().getBytes();
  certificate.setExtensions([
    ...request.extensions,
    { name: "subjectKeyIdentifier" },
    { name: "authorityKeyIdentifier", keyIdentifier: authorityKey },
  ]);
  certificate.sign(issuer?.key ?? key, forge.md.sha256.create());
  return forge.pki.certificateToPem(certificate).replaceAll("\r\n", "\n");
}

function parsedAuthority(authority: Authority) {
  return {
    certificate: forge.pki.certificateFromPem(authority.certificate),
    key: forge.pki.privateKeyFromPem(authority.key),
  };
}

/** 127 random bits; the first byte between 0x40 and 0x7f keeps the DER integer positive and of full length. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString("hex");
}

function earlier(date: Date, limit: Date | undefined): Date {
  return limit !== undefined && limit < date ? limit : date;
}

/** Each certificate of a bundle (PEM), in order. Throws where one cannot be read. */
export function certificatesIn(bundle: string): X509Certificate[] {
  const pems = bundle.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return pems.map((pem) => new X509Certificate(pem));
}

/** Whether the CA of this certificate (PEM) has signed the other one (PEM). */
export function hasIssued(authority: string, certificate: string): boolean {
  const ca = new X509Certificate(authority);
  const leaf = new X509Certificate(certificate);
  return leaf.checkIssued(ca) && leaf.verify(ca.publicKey);
}
