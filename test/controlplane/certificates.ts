import { createPublicKey, generateKeyPair, type KeyObject, randomBytes, sign } from "node:crypto";
import { promisify } from "node:util";
import forge from "node-forge";

/** A certificate and its private key, both PEM. */
export interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

/** What a certificate says about its holder. */
export interface Subject {
  readonly commonName: string;
  /** Kubernetes reads these as groups. */
  readonly organizations?: readonly string[];
  /** With these it is a serving certificate, too. */
  readonly names?: { readonly dns: readonly string[]; readonly ip: readonly string[] };
}

const generate = promisify(generateKeyPair);

const pem = (key: KeyObject): string => key.export({ type: "pkcs8", format: "pem" }).toString();

/** A new RSA key of 2048 bits, PEM: for authorities (forge knows no other kind) and tokens. */
export const newSigningKey = async (): Promise<string> =>
  pem((await generate("rsa", { modulusLength: 2048 })).privateKey);

/** A new key on P-256, PEM: for servers and clients, of which there are many; an RSA key takes far longer. */
export const newKey = async (): Promise<string> =>
  pem((await generate("ec", { namedCurve: "P-256" })).privateKey);

const attribute = (type: string, value: string): forge.pki.CertificateField => ({
  type,
  value,
  // Number(): forge's types want an asn1.Class here, its code wants the asn1.Type.
  valueTagClass: Number(forge.asn1.Type.UTF8),
});

const attributes = (subject: Subject): forge.pki.CertificateField[] => [
  attribute("2.5.4.3", subject.commonName),
  ...(subject.organizations ?? []).map((name) => attribute("2.5.4.10", name)),
];

const unsigned = (authorityKey: string): forge.pki.Certificate => {
  const certificate = forge.pki.createCertificate();
  const { n, e } = forge.pki.privateKeyFromPem(authorityKey);
  certificate.publicKey = forge.pki.setRsaPublicKey(n, e);
  const serial = randomBytes(16);
  // DER has positive integers begin with neither a set bit nor a zero byte.
  serial[0] = 0x40 | ((serial[0] ?? 0) & 0x3f);
  certificate.serialNumber = serial.toString("hex");
  const now = Date.now();
  certificate.validity.notBefore = new Date(now - 3_600_000);
  certificate.validity.notAfter = new Date(now + 10 * 365 * 24 * 3_600_000);
  return certificate;
};

const SUBJECT_PUBLIC_KEY_INFO = 6;

/**
 * PEM, for the public half of `key`. Forge only writes it down, as if for the authority's own key: it knows no other
 * kind of key than RSA, and signs in JavaScript, which takes long.
 */
const signed = (certificate: forge.pki.Certificate, key: string, authorityKey: string): string => {
  const unused = { ...forge.pki.privateKeyFromPem(authorityKey), sign: () => "" };
  certificate.sign(unused, forge.md.sha256.create());
  const { value } = certificate.tbsCertificate;
  const info = createPublicKey(key).export({ type: "spki", format: "der" }).toString("latin1");
  if (typeof value !== "string") value[SUBJECT_PUBLIC_KEY_INFO] = forge.asn1.fromDer(info);
  const content = forge.asn1.toDer(certificate.tbsCertificate).getBytes();
  certificate.signature = sign("sha256", Buffer.from(content, "latin1"), authorityKey).toString("latin1");
  return forge.pki.certificateToPem(certificate);
};

/** A self-signed authority. */
export const newAuthority = async (commonName: string): Promise<Certificate> => {
  const key = await newSigningKey();
  const certificate = unsigned(key);
  certificate.setSubject(attributes({ commonName }));
  certificate.setIssuer(attributes({ commonName }));
  certificate.setExtensions([
    { name: "basicConstraints", cA: true, critical: true },
    { name: "keyUsage", keyCertSign: true, cRLSign: true, digitalSignature: true, critical: true },
    { name: "subjectKeyIdentifier" },
  ]);
  return { certificate: signed(certificate, key, key), key };
};

/** A certificate of `authority` for `subject` over `key` (PEM), or over a new key. */
export const issue = async (authority: Certificate, subject: Subject, key?: string): Promise<Certificate> => {
  const ownKey = key ?? (await newKey());
  const certificate = unsigned(authority.key);
  certificate.setSubject(attributes(subject));
  certificate.setIssuer(forge.pki.certificateFromPem(authority.certificate).subject.attributes);
  certificate.setExtensions([
    { name: "basicConstraints", cA: false, critical: true },
    { name: "keyUsage", digitalSignature: true, critical: true },
    { name: "extKeyUsage", clientAuth: true, serverAuth: subject.names !== undefined },
    ...(subject.names === undefined
      ? []
      : [
          {
            name: "subjectAltName",
            altNames: [
              ...subject.names.dns.map((value) => ({ type: 2, value })),
              ...subject.names.ip.map((ip) => ({ type: 7, ip })),
            ],
          },
        ]),
  ]);
  return { certificate: signed(certificate, ownKey, authority.key), key: ownKey };
};
