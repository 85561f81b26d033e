/** An OpenID Connect token, exchanged for a session on a real control plane: what it is exchanged for is good for that alone. */
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { expect } from "chai";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { parse, parseAllDocuments, stringify } from "yaml";
import { until } from "../support/installation.ts";
import { profiled } from "../support/session.ts";
import { startTestbed, type Testbed, type Who } from "../support/testbed.ts";

const CLI = join(import.meta.dirname, "../../cli");
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
  let secure: number;
  let directory: string;
  const pair = generateKeyPair("ES256", { extractable: true });

  before(async function () {
    this.timeout(1_200_000);
    directory = await mkdtemp(join(tmpdir(), "hoop-exchange-"));
    const { publicKey } = await pair;
    const keys = [{ ...(await exportJWK(publicKey)), kid: "one", alg: "ES256" }];
    provider = createServer((request, response) => {
      const body = request.url === "/keys" ? { keys } : { issuer, jwks_uri: `${issuer}/keys` };
      response.setHeader("content-type", "application/json").end(JSON.stringify(body));
    });
    await new Promise<void>((resolve) => provider.listen(0, "127.0.0.1", resolve));
    issuer = `http://127.0.0.1:${(provider.address() as AddressInfo).port}`;
    bed = await startTestbed({
      settings: { exchange: { issuers: [{ issuer, audiences: ["hoop"] }], port: 0 } },
      onLog: (_level, fields, message) => {
        if (message !== "hoop serves") return;
        if ("web" in fields) web = Number(fields.web);
        if ("exchange" in fields) secure = Number(fields.exchange);
      },
    });
    const doorway = parseAllDocuments(await readFile(DOORWAY, "utf8")).map((one) => one.toJS());
    const profile = profiled("bot", {}, RULES).map((object) => withTokens(object));
    await bed.apply([...doorway, ...profile]);
  });
  after(async () => {
    await rm(directory, { recursive: true, force: true });
    provider?.closeAllConnections();
    provider?.close();
    await bed?.stop();
  });

  function withTokens(object: object): object {
    if (!("kind" in object && object.kind === "AgentProfile" && "spec" in object)) return object;
    const claims = [{ claim: "repository", values: ["acme/shop"] }];
    const when = 'claims.sub.startsWith("repo:acme/") && !has(claims.left)';
    return { ...object, spec: { ...(object.spec as object), tokens: [{ issuer, claims, when }] } };
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
    expect([stranger.code, stranger.body["error"]]).to.deep.equal([400, "invalid_target"]);
  });

  it("is had by kubectl itself, over TLS, where the plugin has logged in; until it is logged out of", async () => {
    const [file, kubeconfig] = [join(directory, "token"), join(directory, "session.kubeconfig")];
    const options = {
      env: {
        XDG_CACHE_HOME: join(directory, "cache"),
        PATH: [CLI, dirname(bed.controlPlane.kubectlPath), process.env["PATH"] ?? ""].join(delimiter),
      },
    };
    await exchanged();
    await writeFile(file, await signed());
    const at = [`--exchange=https://127.0.0.1:${secure}/token`, `--exchange-ca=${bed.certificates}/ca.crt`];
    const login = ["hoop", "login", "--profile=bot", "-n", "demo", "--to", kubeconfig, "--token-file", file];
    const said = await bed.must("human", [...login, ...at], options);
    const [, name = ""] = /^session\.hoop\.dev\/(\S+) in demo/.exec(said) ?? [];
    expect(await readFile(kubeconfig, "utf8")).to.not.contain("eyJ");
    const inside = { kubeconfig };
    const get = ["get", "configmaps", "-o", "name"];
    expect(await bed.must(inside, get, options)).to.contain("configmap/");
    const watching = bed.controlPlane.spawnKubectl([...get, "-w"], { kubeconfig, env: options.env });
    await once(watching.stdout, "data");
    const cut = once(watching, "close");
    expect(await bed.must(inside, ["hoop", "logout"], options)).to.equal(`session.hoop.dev/${name} ended\n`);
    await cut;
    const [kept = ""] = await readdir(join(directory, "cache", "kubectl-hoop"));
    expect(await readFile(join(directory, "cache", "kubectl-hoop", kept), "utf8")).to.equal('{"ended":true}');
    const after = await bed.kubectl(inside, ["get", "--raw", "/version"], options);
    expect(after.output).to.contain("logged out of");
    const records = ["get", "records", "-n", "demo", "--field-selector", `spec.session.name=${name}`];
    expect(await bed.must("human", [...records, "-o", "yaml"])).to.contain("message: logged out");
  });

  it("is over when a newer token of its subject does not fit any more", async () => {
    const given = await exchanged();
    const inside = await who(given, given.path);
    expect(await get(inside)).to.not.match(/rror/);
    expect((await posted(await signed({ left: true }))).body).to.have.property("error", "invalid_target");
    const phase = ["-o", "jsonpath={.status.phase}: {.status.message}"];
    expect(await bed.must("human", ["get", "session", given.name, "-n", "demo", ...phase])).to.equal(
      "Revoked: a newer token of its subject no longer says what its AgentProfile asks for",
    );
    expect(await get(inside)).to.match(/Revoked|Unauthorized|logged in/);
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
