/** An OpenID Connect token, exchanged for a session on a real control plane: what it is exchanged for is good for that alone. */
import { readFile, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect } from "chai";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { parse, parseAllDocuments, stringify } from "yaml";
import { until } from "../support/installation.ts";
import { profiled } from "../support/session.ts";
import { startTestbed, type Testbed, type Who } from "../support/testbed.ts";

const DOORWAY = join(import.meta.dirname, "../../deploy/components/exchange/doorway.yaml");
const RULES = [{ apiGroups: [""], resources: ["configmaps"], verbs: ["get", "list", "watch", "create"] }];

interface Given {
  token: string;
  name: string;
  path: string;
}

describe("a token that is exchanged for a session", function () {
  this.timeout(120_000);
  let bed: Testbed;
  let provider: Server;
  let issuer: string;
  let web: number;
  const pair = generateKeyPair("ES256", { extractable: true });

  before(async function () {
    this.timeout(1_200_000);
    const { publicKey } = await pair;
    const keys = [{ ...(await exportJWK(publicKey)), kid: "one", alg: "ES256" }];
    provider = createServer((request, response) => {
      const body = request.url === "/keys" ? { keys } : { issuer, jwks_uri: `${issuer}/keys` };
      response.setHeader("content-type", "application/json").end(JSON.stringify(body));
    });
    await new Promise<void>((resolve) => provider.listen(0, "127.0.0.1", resolve));
    issuer = `http://127.0.0.1:${(provider.address() as AddressInfo).port}`;
    bed = await startTestbed({
      settings: { exchange: { issuers: [{ issuer, audiences: ["hoop"] }] } },
      onLog: (_level, fields, message) => {
        if (message === "hoop serves" && "web" in fields) web = Number(fields.web);
      },
    });
    const doorway = parseAllDocuments(await readFile(DOORWAY, "utf8")).map((one) => one.toJS());
    const profile = profiled("bot", {}, RULES).map((object) => withTokens(object));
    await bed.apply([...doorway, ...profile]);
  });
  after(async () => {
    provider?.closeAllConnections();
    provider?.close();
    await bed?.stop();
  });

  function withTokens(object: object): object {
    if (!("kind" in object && object.kind === "AgentProfile" && "spec" in object)) return object;
    const claims = [{ claim: "repository", values: ["acme/shop"] }];
    return { ...object, spec: { ...(object.spec as object), tokens: [{ issuer, claims }] } };
  }

  let number = 0;
  async function signed(claims: object = {}): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    const about = { iss: issuer, aud: "hoop", sub: "repo:acme/shop", repository: "acme/shop", iat: now };
    return new SignJWT({ ...about, exp: now + 3600, jti: String(number++), ...claims })
      .setProtectedHeader({ alg: "ES256", kid: "one" })
      .sign((await pair).privateKey);
  }

  async function posted(token: string): Promise<{ code: number; body: Record<string, unknown> }> {
    const response = await fetch(`http://127.0.0.1:${web}/token`, {
      method: "POST",
      body: new URLSearchParams({
        grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
        subject_token_type: "urn:ietf:params:oauth:token-type:id_token",
        ...{ subject_token: token, profile: "bot", namespace: "demo" },
      }),
    });
    return { code: response.status, body: (await response.json()) as Record<string, unknown> };
  }

  /** Hoop, and the API server's RBAC, have to hear of the profile and the doorway first. */
  const exchanged = (): Promise<Given> =>
    until("a token is exchanged", async () => {
      const { code, body } = await posted(await signed());
      const session = body["session"] as { name: string; path: string };
      return code === 200 && { token: String(body["access_token"]), ...session };
    });

  async function who({ token, name }: Given, path: string): Promise<Who> {
    const config = parse(await readFile(bed.controlPlane.adminKubeconfig, "utf8"));
    config.clusters[0].cluster.server += path;
    config.users[0].user = { token };
    const kubeconfig = `${bed.controlPlane.adminKubeconfig}.${name}${path === "" ? ".direct" : ""}.${number++}`;
    await writeFile(kubeconfig, stringify(config), { mode: 0o600 });
    return { kubeconfig };
  }

  const get = async (as: Who, what = "configmaps") =>
    (await bed.kubectl(as, ["get", what, "-n", "demo"])).output;

  it("acts as the ServiceAccount of the profile, and is recorded under its own name", async () => {
    const given = await exchanged();
    const inside = await who(given, given.path);
    expect(await bed.must(inside, ["auth", "whoami", "-o", "jsonpath={.status.userInfo.username}"])).to.equal(
      "system:serviceaccount:work:bot",
    );
    await bed.must(inside, ["create", "configmap", "one", "-n", "demo"]);
    const records = await bed.must("human", [
      ...["get", "records", "-n", "demo", "--field-selector", `spec.session.name=${given.name}`],
      ...["-o", "jsonpath={.items[*].spec.agent.username}"],
    ]);
    expect([...new Set(records.trim().split(" "))]).to.deep.equal([`${issuer}#repo:acme/shop`]);
  });

  it("is good for no other session, and for nothing outside", async () => {
    const [one, other] = [await exchanged(), await exchanged()];
    const pods = ["get", "--raw", "/api/v1/namespaces/demo/pods"];
    const { output } = await bed.kubectl(await who(one, other.path), pods);
    expect(output).to.contain(`sessions.hoop.dev "${other.name}" not found`);
    const direct = await who(one, "");
    for (const what of ["configmaps", "secrets", "pods", "sessions.hoop.dev", "records.hoop.dev"])
      expect(await get(direct, what)).to.contain("orbidden");
    const made = await bed.kubectl(direct, ["create", "token", "hoop-doorway", "-n", "hoop-doorway"]);
    expect(made.output).to.contain("orbidden");
  });

  it("is taken once, from whom the profile names", async () => {
    const token = await signed();
    expect((await posted(token)).code).to.equal(200);
    expect((await posted(token)).body)
      .to.have.property("error_description")
      .that.contains("exchanged before");
    const stranger = await posted(await signed({ repository: "acme/other" }));
    expect(stranger.code).to.equal(403);
  });

  it("is worth nothing any more when the session is deleted", async () => {
    const given = await exchanged();
    const [inside, direct] = [await who(given, given.path), await who(given, "")];
    expect(await get(inside)).to.not.match(/rror/);
    const at = ["session", given.name, "-n", "demo"];
    const uid = await bed.must("human", ["get", ...at, "-o", "jsonpath={.metadata.uid}"]);
    await bed.must("human", ["get", "secret", `session-${uid}`, "-n", "hoop-doorway"]);
    await bed.must("human", ["delete", ...at]);
    expect(await get(inside)).to.match(/not found|Unauthorized|logged in/);
    await until("the API server no longer knows the token", async () =>
      /Unauthorized|logged in/.test(await get(direct)),
    );
    await bed.must("human", [
      "wait",
      "--for=delete",
      `secret/session-${uid}`,
      "-n",
      "hoop-doorway",
      "--timeout=60s",
    ]);
  });
});
