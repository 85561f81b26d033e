/**
 * An OpenID Connect provider for the tour: oidc-provider with one client, an agent that is a member of `deployers`. Its
 * tokens are what a CI system's would be. `node local/issuer.ts FILE`: FILE is what `issuerFile` has written.
 */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { Provider } from "oidc-provider";
import { AUDIENCE, CLIENT, GROUPS, type IssuerFile } from "./issuer-file.ts";

const TOKEN_SECONDS = 12 * 3600;

const file = process.argv[2] ?? "";
const { issuer, secret, key } = JSON.parse(await readFile(file, "utf8")) as IssuerFile;

const provider = new Provider(issuer, {
  clients: [
    {
      ...{ client_id: CLIENT, client_secret: secret, token_endpoint_auth_method: "client_secret_post" },
      ...{ grant_types: ["client_credentials"], response_types: [], redirect_uris: [] },
      id_token_signed_response_alg: "ES256",
    },
  ],
  jwks: { keys: [key] },
  cookies: { keys: [secret] },
  extraTokenClaims: () => ({ groups: GROUPS }),
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => `urn:${AUDIENCE}`,
      getResourceServerInfo: () => ({
        ...{ scope: "", audience: AUDIENCE, accessTokenFormat: "jwt", accessTokenTTL: TOKEN_SECONDS },
        jwt: { sign: { alg: "ES256" } },
      }),
    },
  },
});

const server = createServer(provider.callback());
server.listen(Number(new URL(issuer).port), "127.0.0.1");
process.once("SIGTERM", () => {
  server.close();
  server.closeAllConnections();
});
