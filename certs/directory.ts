/**
 * The certificates of one installation, kept in a directory:
 *
 *     ca.crt         ca.key          signs the serving certificate; ca.crt is the caBundle of the registrations
 *     tls.crt        tls.key         what our servers show
 *     client-ca.crt  client-ca.key   signs the API server's client certificate, and nothing else
 *     client.crt     client.key      what the API server shows to our webhooks
 *
 * Two authorities, so that no serving certificate is ever accepted as the API server's client certificate.
 * What is missing is created, what runs out or lacks a name is issued anew; keys stay as they are, so each renewal
 * is the replacement of one file. Anything unreadable is an error: replacing it would hide a mistake.
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { readWhole, writeWhole } from "#files/whole.ts";
import { type Authority, createAuthority, createKey, DAY, hasIssued } from "./ca.ts";
import { issueClient, issueServing, type KeyPair, type ServingNames } from "./leaf.ts";

const LEAF_DAYS = 365;
const RENEW_BEFORE = 30 * DAY;

export interface Certificates extends KeyPair {
  /** PEM: what a client must trust to believe our servers. */
  caBundle: string;
  /** PEM, one or several: what our webhooks must trust to believe the API server. */
  clientAuthority: string;
  /** What the API server is given to call our webhooks. */
  client: KeyPair & { commonName: string };
  /** Names of the certificate files that this call wrote. */
  written: string[];
}

export interface Options {
  /** Who the API server is to our webhooks. */
  clientName?: string;
  /** Milliseconds since the epoch, to find out what has run out. */
  now?: number;
}

/** One certificate of the directory: its file name without ending, and how it is judged and issued. */
interface Slot {
  name: string;
  issue: (key: string) => KeyPair;
  /** The authority's certificate, for those that are not self-signed. */
  issuer?: string;
  fits?: (certificate: X509Certificate) => boolean;
}

/** Loads what is in the directory and creates the rest. Call it again from time to time: it renews. */
export async function servingCertificate(
  directory: string,
  names: ServingNames,
  options: Options = {},
): Promise<Certificates> {
  const mounted = await somebodyElses(directory);
  return mounted ?? own(directory, names, options);
}

/**
 * A directory with a CA's certificate and not its key is a mount of somebody who issues and renews what is in it, such
 * as cert-manager: it is read, never written. `client-ca.crt` is the CA of the API server's client certificate
 * (while that is replaced, both the old and the new), `client.crt` that certificate, which is needed for its name alone.
 */
async function somebodyElses(directory: string): Promise<Certificates | undefined> {
  const file = (name: string) => join(directory, name);
  const caBundle = await readWhole(file("ca.crt"));
  if (caBundle === undefined || (await readWhole(file("ca.key"))) !== undefined) return undefined;
  // A CA without its key and without a serving certificate is a directory of ours that has lost its key.
  const key = await readWhole(file("tls.key"));
  const certificate = await readWhole(file("tls.crt"));
  const clientAuthority = await readWhole(file("client-ca.crt"));
  const client = await readWhole(file("client.crt"));
  if ((await readWhole(file("client-ca.key"))) !== undefined) return undefined;
  if (key === undefined || certificate === undefined || clientAuthority === undefined || client === undefined)
    throw new Error(
      `${directory} has no ca.key, so it must hold tls.crt, tls.key, client-ca.crt and client.crt`,
    );
  checkKey(file("tls.key"), key);
  parse(file("tls.crt"), certificate, key);
  const commonName = nameIn(file("client.crt"), client);
  return {
    key,
    certificate,
    caBundle,
    clientAuthority,
    client: { key: "", certificate: client, commonName },
    written: [],
  };
}

function nameIn(file: string, pem: string): string {
  const commonName = new X509Certificate(pem).toLegacyObject().subject.CN;
  if (typeof commonName !== "string") throw new Error(`${file} has no common name, or several`);
  return commonName;
}

async function own(directory: string, names: ServingNames, options: Options = {}): Promise<Certificates> {
  const commonName = options.clientName ?? "hoop-webhook-client";
  const written: string[] = [];
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const keep = (slot: Slot) => ensure(directory, slot, options.now ?? Date.now(), written);
  const authority = (name: string, title: string): Promise<Authority> =>
    keep({ name, issue: (key) => createAuthority(title, 10, key) });

  const serving = await authority("ca", "hoop serving CA");
  const pair = await keep({
    name: "tls",
    issue: (key) => issueServing(serving, names, LEAF_DAYS, key),
    issuer: serving.certificate,
    fits: (certificate) => hasNames(certificate, names),
  });
  const clients = await authority("client-ca", "hoop client CA");
  const client = await keep({
    name: "client",
    issue: (key) => issueClient(clients, commonName, [], LEAF_DAYS, key),
    issuer: clients.certificate,
    fits: (certificate) => certificate.subject === `CN=${commonName}`,
  });
  return {
    ...pair,
    caBundle: serving.certificate,
    clientAuthority: clients.certificate,
    client: { ...client, commonName },
    written,
  };
}

async function ensure(directory: string, slot: Slot, now: number, written: string[]): Promise<KeyPair> {
  const files = {
    key: join(directory, `${slot.name}.key`),
    certificate: join(directory, `${slot.name}.crt`),
  };
  const found = { key: await readWhole(files.key), certificate: await readWhole(files.certificate) };
  if (found.certificate !== undefined && found.key === undefined) {
    throw new Error(
      `${files.key} is missing while ${files.certificate} is there: restore it, or remove both`,
    );
  }
  const key = found.key ?? createKey();
  if (found.key === undefined) await writeWhole(files.key, key, 0o600);
  else checkKey(files.key, key);

  if (found.certificate !== undefined) {
    const certificate = parse(files.certificate, found.certificate, key);
    if (slot.issuer !== undefined && !hasIssued(slot.issuer, found.certificate)) {
      throw new Error(
        `${files.certificate} was not issued by this directory's CA: remove it to have a new one`,
      );
    }
    const lasts = certificate.validToDate.getTime() - RENEW_BEFORE > now;
    if (lasts && (slot.fits?.(certificate) ?? true)) return { certificate: found.certificate, key };
  }
  const issued = slot.issue(key);
  await writeWhole(files.certificate, issued.certificate, 0o644);
  written.push(`${slot.name}.crt`);
  return issued;
}

function checkKey(file: string, key: string): void {
  try {
    createPrivateKey(key);
  } catch (cause) {
    throw new Error(`${file} holds no readable private key`, { cause });
  }
}

function parse(file: string, pem: string, key: string): X509Certificate {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(pem);
  } catch (cause) {
    throw new Error(`${file} holds no readable certificate`, { cause });
  }
  if (!certificate.checkPrivateKey(createPrivateKey(key))) {
    throw new Error(`${file} does not belong to the private key beside it`);
  }
  return certificate;
}

function hasNames(certificate: X509Certificate, names: ServingNames): boolean {
  return (
    names.dns.every((name) => certificate.checkHost(name, { wildcards: false }) !== undefined) &&
    names.ips.every((ip) => certificate.checkIP(ip) !== undefined)
  );
}
