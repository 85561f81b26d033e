import { generateKeyPair, randomBytes } from "node:crypto";
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

/** A new RSA key of 2048 bits (forge's X.509 knows no other kind; node:crypto makes it far faster than forge). */
export const newKeys = async (): Promise<{ privateKey: string; publicKey: string }> =>
  generate("rsa", {
    modulusLength: 2048,
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });

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

const unsigned = (publicKey: forge.pki.PublicKey): forge.pki.Certificate => {
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = publicKey;
  const serial = randomBytes(16);
  // DER has positive integers begin with neither a set bit nor a zero byte.
  serial[0] = 0x40 | ((serial[0] ?? 0) & 0x3f);
  certificate.serialNumber = serial.toString("hex");
  const now = Date.now();
  certificate.validity.notBefore = new Date(now - 3_600_000);
  certificate.validity.notAfter = new Date(now + 10 * 365 * 24 * 3_600_000);
  return certificate;
};

const publicKeyOf = (privateKey: forge.pki.rsa.PrivateKey): forge.pki.rsa.PublicKey =>
  forge.pki.setRsaPublicKey(privateKey.n, privateKey.e);

/** A self-signed authority. */
export const newAuthority = async (commonName: string): Promise<Certificate> => {
  const { privateKey: key } = await newKeys();
  const privateKey = forge.pki.privateKeyFromPem(key);
  const certificate = unsigned(publicKeyOf(privateKey));
  certificate.setSubject(attributes({ commonName }));
  certificate.setIssuer(attributes({ commonName }));
  certificate.setExtensions([
    { name: "basicConstraints", cA: true, critical: true },
    { name: "keyUsage", keyCertSign: true, cRLSign: true, digitalSignature: true, critical: true },
    { name: "subjectKeyIdentifier" },
  ]);
  certificate.sign(privateKey, forge.md.sha256.create());
  return { certificate: forge.pki.certificateToPem(certificate), key };
};

/** A certificate of `authority` for `subject` over `key` (PEM), or over a new key. */
export const issue = async (authority: Certificate, subject: Subject, key?: string): Promise<Certificate> => {
  const ownKey = key ?? (await newKeys()).privateKey;
  const certificate = unsigned(publicKeyOf(forge.pki.privateKeyFromPem(ownKey)));
  certificate.setSubject(attributes(subject));
  certificate.setIssuer(forge.pki.certificateFromPem(authority.certificate).subject.attributes);
  certificate.setExtensions([
    { name: "basicConstraints", cA: false, critical: true },
    { name: "keyUsage", digitalSignature: true, keyEncipherment: true, critical: true },
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
  certificate.sign(forge.pki.privateKeyFromPem(authority.key), forge.md.sha256.create());
  return { certificate: forge.pki.certificateToPem(certificate), key: ownKey };
};
