/** What the cluster's ConfigMap kube-system/extension-apiserver-authentication says about who vouches for whom. */
import { X509Certificate } from "node:crypto";

export interface AuthenticationConfig {
  /** Whose client certificates name their holder. Empty: nobody's. */
  clientCAs: readonly X509Certificate[];
  frontProxy: FrontProxyConfig | undefined;
}

export interface FrontProxyConfig {
  /** Never empty. */
  cas: readonly X509Certificate[];
  /** Common names of front proxies. Empty, as the cluster may set it: any certificate of these CAs. */
  allowedNames: readonly string[];
  /** Names in lower case. */
  usernameHeaders: readonly string[];
  uidHeaders: readonly string[];
  groupHeaders: readonly string[];
  extraPrefixes: readonly string[];
}

/**
 * @param data the ConfigMap's `data`.
 * @throws {Error} when anything in it cannot be read: then nobody may be believed.
 */
export function parseAuthenticationConfig(data: Readonly<Record<string, string>>): AuthenticationConfig {
  const clientCA = data["client-ca-file"];
  const frontProxyCA = data["requestheader-client-ca-file"];
  return {
    clientCAs: clientCA === undefined ? [] : certificates("client-ca-file", clientCA),
    frontProxy: frontProxyCA === undefined ? undefined : frontProxyConfig(data, frontProxyCA),
  };
}

function frontProxyConfig(data: Readonly<Record<string, string>>, ca: string): FrontProxyConfig {
  return {
    cas: certificates("requestheader-client-ca-file", ca),
    allowedNames: strings("requestheader-allowed-names", data["requestheader-allowed-names"]),
    usernameHeaders: headerNames(data, "requestheader-username-headers"),
    uidHeaders: "requestheader-uid-headers" in data ? headerNames(data, "requestheader-uid-headers") : [],
    groupHeaders: headerNames(data, "requestheader-group-headers"),
    extraPrefixes: headerNames(data, "requestheader-extra-headers-prefix"),
  };
}

const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

function certificates(key: string, pem: string): X509Certificate[] {
  const found = pem.match(PEM)?.map((each) => new X509Certificate(each)) ?? [];
  if (found.length === 0) throw new Error(`${key}: no certificate in it`);
  return found;
}

function headerNames(data: Readonly<Record<string, string>>, key: string): string[] {
  return strings(key, data[key]).map((name) => name.trim().toLowerCase());
}

/** A JSON list of strings. One that is missing is not an empty one: an empty list of names allows every name. */
function strings(key: string, text: string | undefined): string[] {
  if (text === undefined) throw new Error(`${key}: missing`);
  const value: unknown = JSON.parse(text);
  if (!Array.isArray(value)) throw new Error(`${key}: not a list`);
  return value.map((item) => {
    if (typeof item !== "string" || item.trim() === "") throw new Error(`${key}: not a list of names`);
    return item;
  });
}

/** The configuration as the cluster tells it now. Nobody is believed while its word cannot be read. */
export function liveAuthenticationConfig(
  data: () => Readonly<Record<string, string>> | undefined,
  log: { error(fields: object, message: string): void },
): () => AuthenticationConfig | undefined {
  let last: Readonly<Record<string, string>> | undefined;
  let config: AuthenticationConfig | undefined;
  return () => {
    const now = data();
    if (now === last) return config;
    last = now;
    try {
      config = now === undefined ? undefined : parseAuthenticationConfig(now);
    } catch (error) {
      config = undefined;
      log.error({ err: error }, "extension-apiserver-authentication cannot be read; nobody is believed");
    }
    return config;
  };
}
