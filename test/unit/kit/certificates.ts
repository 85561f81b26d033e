/** Certificates for tests: authorities, servers and clients, good and bad. */
import forge from "node-forge";

export interface Pair {
  key: string;
  cert: string;
}

export interface Subject {
  commonName: string | string[];
  organizations?: string[];
  /** Default: for client authentication. */
  usage?: "client" | "server" | "none";
  /** Default: valid now. */
  valid?: "past" | "future";
  hosts?: string[];
}

export interface Authority extends Pair {
  issue(subject: Subject): Pair;
}

/** Without leading zeros, which DER does not allow. */
let serial = 0x10000000;

export function authority(commonName: string, { ca = true } = {}): Authority {
  const keys = forge.pki.rsa.generateKeyPair(2048);
  const certificate = blank(keys.publicKey, [{ name: "commonName", value: commonName }], undefined);
  certificate.setIssuer(certificate.subject.attributes);
  certificate.setExtensions([{ name: "basicConstraints", cA: ca, critical: true }]);
  certificate.sign(keys.privateKey, forge.md.sha256.create());
  return {
    ...pem(keys.privateKey, certificate),
    issue: (subject) => issue(certificate, keys.privateKey, subject),
  };
}

/** Keys take long to make, and nothing here is secret. */
const shared = forge.pki.rsa.generateKeyPair(2048);

function issue(issuer: forge.pki.Certificate, key: forge.pki.rsa.PrivateKey, subject: Subject): Pair {
  const names = [subject.commonName].flat().map((value) => ({ name: "commonName", value }));
  const organizations = (subject.organizations ?? []).map((value) => ({ name: "organizationName", value }));
  const certificate = blank(shared.publicKey, [...names, ...organizations], subject.valid);
  certificate.setIssuer(issuer.subject.attributes);
  certificate.setExtensions([...usage(subject.usage ?? "client"), ...altNames(subject.hosts ?? [])]);
  certificate.sign(key, forge.md.sha256.create());
  return pem(shared.privateKey, certificate);
}

function blank(
  key: forge.pki.rsa.PublicKey,
  subject: forge.pki.CertificateField[],
  valid: Subject["valid"],
): forge.pki.Certificate {
  const certificate = forge.pki.createCertificate();
  const day = 24 * 3_600_000;
  const start = Date.now() + { past: -3 * day, future: day, now: -day }[valid ?? "now"];
  certificate.publicKey = key;
  certificate.serialNumber = (serial++).toString(16);
  certificate.validity.notBefore = new Date(start);
  certificate.validity.notAfter = new Date(start + 2 * day);
  certificate.setSubject(subject);
  return certificate;
}

function usage(kind: "client" | "server" | "none"): object[] {
  if (kind === "none") return [];
  return [{ name: "extKeyUsage", clientAuth: kind === "client", serverAuth: kind === "server" }];
}

function altNames(hosts: string[]): object[] {
  return hosts.length === 0
    ? []
    : [{ name: "subjectAltName", altNames: hosts.map((ip) => ({ type: 7, ip })) }];
}

function pem(key: forge.pki.rsa.PrivateKey, certificate: forge.pki.Certificate): Pair {
  return { key: forge.pki.privateKeyToPem(key), cert: forge.pki.certificateToPem(certificate) };
}
