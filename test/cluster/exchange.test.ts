/** An OpenID Connect token, exchanged for a session on a real control plane: what it is exchanged for is good for that alone. */
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { expect } from "chai";
import { parse, parseAllDocuments, stringify } from "yaml";
import { createAuthority } from "#certs/ca.ts";
import { issueServing } from "#certs/leaf.ts";
import { until } from "../support/installation.ts";
import { type Issuer, startIssuer } from "../support/issuer.ts";
import { startedKubectl } from "../support/plugin.ts";
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
  let issuer: Issuer;
  /** Whom the API server itself believes. */
  let known: Issuer;
  let web: number;
  let secure: number;
  let directory: string;

  before(async function () {
    this.timeout(1_200_000);
    directory = await mkdtemp(join(tmpdir(), "hoop-exchange-"));
    issuer = await startIssuer();
    const authority = createAuthority("issuer");
    const { certificate: cert, key } = issueServing(authority, { dns: [], ips: ["127.0.0.1"] }, 1);
    known = await startIssuer({ cert, key });
    bed = await startTestbed({
      controlPlane: { authenticationConfig: authentication(known.url, authority.certificate) },
      settings: { exchange: { issuers: [{ issuer: issuer.url, audiences: ["hoop"] }], port: 0 } },
      onLog: (_level, fields, message) => {
        if (message !== "hoop serves") return;
        if ("web" in fields) web = Number(fields.web);
        if ("exchange" in fields) secure = Number(fields.exchange);
      },
    });
    const doorway = parseAllDocuments(await readFile(DOORWAY, "utf8")).map((one) => one.toJS());
    const asked = { approvers: [{ count: 1 }] };
    const profiles = [
      ...profiled("bot", {}, RULES),
      ...profiled("known", {}, RULES),
      ...profiled("asked", { approval: asked }, RULES),
      ...profiled("brief", { approval: { ...asked, expiresIn: "2s" } }, RULES),
    ];
    await bed.apply([...doorway, ...profiles.map(withTokens)]);
  });
  after(async () => {
    await rm(directory, { recursive: true, force: true });
    issuer?.stop();
    known?.stop();
    await bed?.stop();
  });

  function withTokens(object: object): object {
    if (!("kind" in object && object.kind === "AgentProfile" && "spec" in object)) return object;
    const claims = [{ claim: "repository", values: ["acme/shop"] }];
    const when = 'claims.sub.startsWith("repo:acme/") && !has(claims.left)';
    return {
      ...object,
      spec: { ...(object.spec as object), tokens: [{ issuer: issuer.url, claims, when }] },
    };
  }

  let number = 0;
  const signed = (claims: object = {}): Promise<string> =>
    issuer.signed({ sub: "repo:acme/shop", repository: "acme/shop", ...claims });

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

  const environment = () => ({
    XDG_CACHE_HOME: join(directory, "cache"),
    PATH: [CLI, dirname(bed.controlPlane.kubectlPath), process.env["PATH"] ?? ""].join(delimiter),
  });
  const loginTo = (kubeconfig: string, file: string, profile: string): string[] => [
    ...["hoop", "login", `--profile=${profile}`, "-n", "demo", "--to", kubeconfig, "--token-file", file],
    ...[`--exchange=https://127.0.0.1:${secure}/token`, `--exchange-ca=${bed.certificates}/ca.crt`],
  ];

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
    expect([...new Set(records.trim().split(" "))]).to.deep.equal([`${issuer.url}#repo:acme/shop`]);
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
    const options = { env: environment() };
    await exchanged();
    await writeFile(file, await signed());
    const said = await bed.must("human", loginTo(kubeconfig, file, "bot"), options);
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

  it("has nothing to log out of where the session was killed, and is told so", async () => {
    const [file, kubeconfig] = [join(directory, "killed"), join(directory, "killed.kubeconfig")];
    const options = { env: environment() };
    await exchanged();
    await writeFile(file, await signed());
    const said = await bed.must("human", loginTo(kubeconfig, file, "bot"), options);
    const [, name = ""] = /^session\.hoop\.dev\/(\S+) in demo/.exec(said) ?? [];
    await bed.must("human", ["delete", "session", name, "-n", "demo"]);
    const inside = { kubeconfig };
    expect(await bed.must(inside, ["hoop", "logout"], options)).to.contain(
      `${name} was over already: it was`,
    );
  });

  it("is not needed where the API server itself knows the issuer", async () => {
    const token = () => known.signed({ aud: "kubernetes", sub: "known" });
    const user = await bed.controlPlane.kubeconfigWithToken("known", await token());
    const kubeconfig = join(directory, "known.kubeconfig");
    const login = ["hoop", "login", "--profile=known", "-n", "demo", "--to", kubeconfig];
    await until("a session is begun", async () => {
      const { code } = await bed.kubectl({ kubeconfig: user }, login, { env: environment() });
      return code === 0;
    });
    const whoami = ["auth", "whoami", "-o", "jsonpath={.status.userInfo.username}"];
    expect(await bed.must({ kubeconfig }, whoami)).to.equal("system:serviceaccount:work:known");
    const config = parse(await readFile(kubeconfig, "utf8"));
    config.users[0].user = { token: await token() };
    await writeFile(kubeconfig, stringify(config));
    const raw = ["get", "--raw", "/api/v1/namespaces/demo/configmaps"];
    const { output } = await bed.kubectl({ kubeconfig }, raw);
    expect(output).to.contain("begun with another credential");
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

  describe("that people must approve", () => {
    const MAPS = ["get", "configmaps", "-o", "name"];
    const started = (who: Who, args: readonly string[]) => startedKubectl(bed, who, args, environment());

    /** Logs in, until it says whose decision it waits for. */
    async function asked() {
      const [file, kubeconfig] = [join(directory, `token-${number}`), join(directory, `asked-${number++}`)];
      await writeFile(file, await signed());
      const login = started("human", loginTo(kubeconfig, file, "asked"));
      await login.said("waits until a person approves it: kubectl hoop approve ");
      const [approval] = (await bed.approvals("demo")).filter(({ status }) => status.phase === "Pending");
      if (approval === undefined) throw new Error("nobody is asked");
      return { login, approval, who: { kubeconfig } };
    }

    it("is used by kubectl from when they have, in the same kubeconfig", async () => {
      const { login, approval, who } = await asked();
      expect(approval.spec.agent.username).to.equal(`${issuer.url}#repo:acme/shop`);
      await bed.decide(approval, "Approve");
      const { code, stdout, stderr } = await login.ended;
      expect(code, stderr).to.equal(0);
      expect(stderr)
        .to.contain(`kubectl hoop approve ${approval.metadata.name} -n demo`)
        .and.contain("is approved\n");
      expect(stdout).to.match(/^session\.hoop\.dev\/asked-\S+ in demo: by profile asked/);
      const first = await started(who, MAPS).ended;
      expect(first.code, first.output).to.equal(0);
      expect(first.stderr).to.equal("");
    });

    it("waits on when its login is interrupted, and kubectl waits for the same decision", async () => {
      const { login, approval, who } = await asked();
      login.child.kill("SIGINT");
      const { code, stderr } = await login.ended;
      expect([code, stderr.split("\n").at(-2)]).to.deep.equal([
        130,
        `hoop: the session ${sessionOf(stderr)} is not approved yet; it waits on, and can be used once it is`,
      ]);
      const [first, second] = [started(who, MAPS), started(who, MAPS)];
      for (const one of [first, second]) await one.said(`kubectl hoop approve ${approval.metadata.name} `);
      await bed.decide(approval, "Approve");
      for (const one of [first, second]) {
        const ended = await one.ended;
        expect(ended.code, ended.output).to.equal(0);
        expect(ended.stdout).to.contain("configmap/");
      }
    });

    it("is refused to login and to kubectl, in their words, and not asked for again", async () => {
      const { login, approval, who } = await asked();
      const waiting = started(who, MAPS);
      await waiting.said("waits until a person approves it");
      await bed.decide(approval, "Deny", "not today");
      const [denied, beside] = [await login.ended, await waiting.ended];
      expect(denied.code).to.equal(77);
      for (const { stderr } of [denied, beside])
        expect(stderr).to.contain("it is Denied (denied by approver: not today)");
      expect(beside.stderr).to.contain("exit code 77");
      const later = await started(who, MAPS).ended;
      expect(later.stderr).to.contain("begin another one with kubectl hoop login");
      const asking = (await bed.approvals("demo")).filter(({ status }) => status.phase === "Pending");
      expect(asking).to.deep.equal([]);
    });

    it("is over when nobody has decided in time", async () => {
      const [file, kubeconfig] = [join(directory, `token-${number}`), join(directory, `brief-${number++}`)];
      await writeFile(file, await signed());
      const { code, stderr } = await started("human", loginTo(kubeconfig, file, "brief")).ended;
      expect(stderr).to.match(
        /"current" is forbidden: it is Expired \(nobody (approved it|decided) in time\)/,
      );
      expect(code).to.equal(1);
    });
  });
});

function authentication(url: string, certificateAuthority: string): object {
  return {
    ...{ apiVersion: "apiserver.config.k8s.io/v1", kind: "AuthenticationConfiguration" },
    jwt: [
      {
        issuer: { url, audiences: ["kubernetes"], certificateAuthority },
        claimMappings: { username: { claim: "sub", prefix: "" } },
      },
    ],
  };
}

function sessionOf(stderr: string): string {
  return /the session (\S+) waits/.exec(stderr)?.[1] ?? "";
}
