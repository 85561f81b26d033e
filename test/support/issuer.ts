/** An issuer of tokens, as a cluster test needs one: its configuration, one key, and tokens signed by it. */
import { createServer, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, SignJWT } from "jose";

export interface Issuer {
  /** As `iss` has it. */
  url: string;
  /** Of these claims beside the usual ones; each is another token. */
  signed(claims?: object): Promise<string>;
  stop(): void;
}

/** `tls`, PEM: by HTTPS; kube-apiserver believes no other. */
export async function startIssuer(tls?: { key: string; cert: string }): Promise<Issuer> {
  const { publicKey, privateKey } = await generateKeyPair("ES256", { extractable: true });
  const keys = [{ ...(await exportJWK(publicKey)), kid: "one", alg: "ES256" }];
  let url = "";
  let number = 0;
  const answer: RequestListener = (request, response) => {
    const body = request.url === "/keys" ? { keys } : { issuer: url, jwks_uri: `${url}/keys` };
    response.setHeader("content-type", "application/json").end(JSON.stringify(body));
  };
  const server = tls === undefined ? createServer(answer) : createTlsServer(tls, answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `${tls === undefined ? "http" : "https"}://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    signed: (claims = {}) => {
      const now = Math.floor(Date.now() / 1000);
      const usual = { iss: url, aud: "hoop", sub: "ci", iat: now, exp: now + 3600, jti: String(number++) };
      return new SignJWT({ ...usual, ...claims })
        .setProtectedHeader({ alg: "ES256", kid: "one" })
        .sign(privateKey);
    },
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
