/** The front proxy (the API server's aggregator) authenticates callers itself and says in headers who they are. */
import type { X509Certificate } from "node:crypto";
import type { FrontProxyConfig } from "./authentication-config.ts";
import type { Caller } from "./resource.ts";
import { isIssuedBy, subjectOf } from "./x509.ts";

/** The CA signs for others too: only the names that the cluster lists are front proxies (GHSA-38jw-g2qx-4286). */
export function isFrontProxy(certificate: X509Certificate, config: FrontProxyConfig, now: Date): boolean {
  if (!isIssuedBy(certificate, config.cas, now)) return false;
  return config.allowedNames.length === 0 || config.allowedNames.includes(subjectOf(certificate).commonName);
}

type Lines = readonly (readonly [name: string, value: string])[];

/** Undefined where the headers name nobody. Each line of a group header is one group, commas and all. */
export function callerFromHeaders(lines: Lines, config: FrontProxyConfig): Caller | undefined {
  const username = firstValue(lines, config.usernameHeaders);
  if (username === "") return undefined;
  return {
    username,
    uid: firstValue(lines, config.uidHeaders),
    groups: config.groupHeaders.flatMap((name) => valuesOf(lines, name)),
    extra: extraOf(lines, config.extraPrefixes),
  };
}

function valuesOf(lines: Lines, name: string): string[] {
  return lines.filter(([found, value]) => found === name && value !== "").map(([, value]) => value);
}

/** As in Go, where only the first line of a header counts, and an empty one leaves the word to the next name. */
function firstValue(lines: Lines, names: readonly string[]): string {
  const firsts = names.map((name) => lines.find(([found]) => found === name)?.[1] ?? "");
  return firsts.find((value) => value !== "") ?? "";
}

function extraOf(lines: Lines, prefixes: readonly string[]): Map<string, string[]> {
  const extra = new Map<string, string[]>();
  for (const prefix of prefixes) {
    for (const [name, value] of lines) {
      if (!name.startsWith(prefix)) continue;
      const key = unescaped(name.slice(prefix.length));
      extra.set(key, [...(extra.get(key) ?? []), value]);
    }
  }
  return extra;
}

function unescaped(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}
