/** What the provider of the tour is, kept so that its tokens are believed after another start, too. */
import { generateKeyPairSync, type JsonWebKey, randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";

export interface IssuerFile {
  /** Loopback is as safe as this machine is. */
  issuer: string;
  /** Of its one client. */
  secret: string;
  /** With which it signs. */
  key: JsonWebKey;
}

export const CLIENT = "demo-agent";
export const GROUPS = ["deployers"];
/** For whom its tokens are. */
export const AUDIENCE = "hoop";

/** What is in the file, made where there is none. Another port is another issuer, with the same key. */
export async function issuerFile(file: string, port: number): Promise<IssuerFile> {
  const text = await readFile(file, "utf8").catch(() => undefined);
  const before = text === undefined ? made() : (JSON.parse(text) as IssuerFile);
  const now = { ...before, issuer: `http://127.0.0.1:${port}` };
  await writeFile(file, JSON.stringify(now), { mode: 0o600 });
  return now;
}

function made(): Omit<IssuerFile, "issuer"> {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const key = { ...privateKey.export({ format: "jwk" }), use: "sig", alg: "ES256", kid: "tour" };
  return { secret: randomBytes(24).toString("base64url"), key };
}

/** A new token of its client. Rejects where the provider does not answer. */
export async function issuedToken({ issuer, secret }: IssuerFile): Promise<string> {
  const body = new URLSearchParams({
    ...{ grant_type: "client_credentials", client_id: CLIENT, client_secret: secret },
  });
  const response = await fetch(`${issuer}/token`, { method: "POST", body });
  const answer = (await response.json()) as { access_token?: string };
  if (answer.access_token === undefined) throw new Error(`${issuer}/token: ${JSON.stringify(answer)}`);
  return answer.access_token;
}
