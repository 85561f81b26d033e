/** Certificates signed by one of our authorities. */
import { isIP } from "node:net";
import { type Authority, createKey, signCertificate } from "./ca.ts";

/** A certificate and its private key, both PEM. */
export interface KeyPair {
  certificate: string;
  key: string;
}

export interface ServingNames {
  dns: readonly string[];
  ips: readonly string[];
}

const SUBJECT_ALT_NAME = { dns: 2, ip: 7 } as const;

const LEAF = [
  { name: "basicConstraints", cA: false, critical: true },
  { name: "keyUsage", digitalSignature: true, keyEncipherment: true, critical: true },
];

/** The names a client inside the cluster, and on request one on this host, knows a Service by. */
export function serviceNames(service: string, namespace: string, loopback = false): ServingNames {
  return {
    dns: [`${service}.${namespace}.svc`, ...(loopback ? ["localhost"] : [])],
    ips: loopback ? ["127.0.0.1"] : [],
  };
}

/** A server's certificate for all of these names. `key` keeps an existing key. */
export function issueServing(
  authority: Authority,
  names: ServingNames,
  days: number,
  key = createKey(),
): KeyPair {
  const wrong = names.ips.find((ip) => isIP(ip) === 0);
  if (wrong !== undefined) throw new Error(`not an IP address: ${wrong}`);
  const [first] = [...names.dns, ...names.ips];
  if (first === undefined) throw new Error("a serving certificate needs at least one name");
  const altNames = [
    ...names.dns.map((value) => ({ type: SUBJECT_ALT_NAME.dns, value })),
    ...names.ips.map((ip) => ({ type: SUBJECT_ALT_NAME.ip, ip })),
  ];
  const certificate = signCertificate({
    // A common name holds at most 64 characters; only the alternative names count.
    subject: [{ name: "commonName", value: first.slice(0, 64) }],
    key,
    days,
    extensions: [...LEAF, { name: "extKeyUsage", serverAuth: true }, { name: "subjectAltName", altNames }],
    issuer: authority,
  });
  return { certificate, key };
}

/** A client's certificate: to Kubernetes the common name is the user, the organizations are the groups. */
export function issueClient(
  authority: Authority,
  commonName: string,
  organizations: readonly string[],
  days: number,
  key = createKey(),
): KeyPair {
  const certificate = signCertificate({
    subject: [
      ...organizations.map((value) => ({ name: "organizationName", value })),
      { name: "commonName", value: commonName },
    ],
    key,
    days,
    extensions: [...LEAF, { name: "extKeyUsage", clientAuth: true }],
    issuer: authority,
  });
  return { certificate, key };
}
