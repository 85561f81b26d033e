import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { expect } from "chai";
import { parse } from "yaml";
import { type Answered, completions, failed, hoop, json, type Script } from "./scripted.ts";

const PATH = "/apis/hoop.dev/v1alpha1/namespaces/shop/sessions/deployer-1/proxy";

function session(name: string, status: object = {}, namespace = "shop") {
  return {
    ...{ apiVersion: "hoop.dev/v1alpha1", kind: "Session" },
    metadata: { name, namespace, uid: `uid-${name}`, creationTimestamp: "2026-11-21T09:50:00Z" },
    spec: { profile: "deployer", reason: "release 42" },
    status: {
      phase: "Active",
      subject: { username: "system:serviceaccount:ci:bot", groups: [], extra: {} },
      serviceAccount: { namespace: "work", name: "deployer" },
      ...{ startedAt: "2026-11-21T09:50:00Z", expiresAt: "2026-11-21T10:10:00Z", path: PATH },
      ...status,
    },
  };
}

const SESSIONS = [
  session("deployer-1"),
  session("deployer-2", { subject: { username: "eve", groups: [], extra: {} } }),
  session("late", { expiresAt: "2026-11-21T09:59:00Z" }),
  session("over", { phase: "Revoked", message: "deleted by root" }),
];

const config = (server = "https://cluster:6443/") => ({
  "current-context": "dev",
  contexts: [
    { name: "dev", context: { cluster: "c", user: "bot", namespace: "shop" } },
    { name: "other", context: { cluster: "d", user: "eve" } },
  ],
  clusters: [
    { name: "c", cluster: { server, "certificate-authority-data": "Q0E=" } },
    { name: "d", cluster: { server: "https://other:6443" } },
  ],
  users: [
    { name: "bot", user: { token: "t0ken" } },
    { name: "eve", user: { exec: { command: "login" } } },
  ],
});

const answering =
  (kubeconfig: object, made: Answered = json(session("deployer-1"))): NonNullable<Script["answer"]> =>
  (args) => {
    if (args[0] === "config") return json(kubeconfig);
    if (args[0] === "create") return made;
    return args[0] === "delete" ? { stdout: "" } : undefined;
  };

describe("kubectl hoop sessions", () => {
  it("lists those that may be used, and whose they are", async () => {
    const { stdout } = await hoop(["sessions"], { sessions: SESSIONS });
    const bot = "system:serviceaccount:ci:bot";
    expect(stdout).to.equal(
      [
        `NAMESPACE   NAME         ${"AGENT".padEnd(bot.length)}   PROFILE    PHASE    LEFT   AGE`,
        `shop        deployer-1   ${bot}   deployer   Active   10m    10m`,
        `shop        deployer-2   ${"eve".padEnd(bot.length)}   deployer   Active   10m    10m`,
        "",
      ].join("\n"),
    );
  });

  const selections = {
    "also what is over": [["--all"], "deployer-1 deployer-2 late over"],
    "those of a ServiceAccount by its short name": [["--agent", "ci/bot"], "deployer-1"],
    "those of a user": [["--agent=eve"], "deployer-2"],
  } as const;
  for (const [what, [args, names]] of Object.entries(selections))
    it(`lists ${what}`, async () => {
      const { stdout } = await hoop(["sessions", "-oname", ...args], { sessions: SESSIONS });
      expect(stdout.replaceAll("session.hoop.dev/", "").trim().split("\n").join(" ")).to.equal(names);
    });

  it("lists and takes back also what waits for people", async () => {
    const pending = session("deployer-3", { phase: "Pending" });
    const { stdout } = await hoop(["sessions"], { sessions: [pending] });
    expect(stdout).to.match(/ deployer-3 .* Pending +<none> /);
    const { calls } = await hoop(["kill", "--agent=ci/bot", "--yes"], { sessions: [pending] });
    expect(calls.at(-1)).to.include.members(["delete", "deployer-3"]);
  });

  it("says why one is over, and that one whose time is over is", async () => {
    const { stdout } = await hoop(["sessions", "--all", "-owide"], { sessions: SESSIONS });
    expect(stdout)
      .to.match(/late .* Expired /)
      .and.match(/over .* Revoked .* work\/deployer +release 42 +deleted by root/);
  });

  it("stays, and tells what changes", async () => {
    const event = (type: string, object: object) => JSON.stringify({ type, object });
    const watches = [
      [
        event("MODIFIED", SESSIONS[0] ?? {}),
        event("MODIFIED", session("deployer-1", { expiresAt: "2026-11-21T11:00:00Z" })),
        event("DELETED", session("deployer-1", { expiresAt: "2026-11-21T11:00:00Z" })),
      ],
    ];
    const { stdout } = await hoop(["sessions", "-w"], { sessions: SESSIONS.slice(0, 1), watches });
    const lines = stdout.trim().split("\n").slice(1);
    expect(lines.map((line) => line.replace(/ +/g, " ").split(" ").slice(4, 6).join(" "))).to.deep.equal([
      "Active 10m",
      "Active 60m",
      "Ended <none>",
    ]);
  });

  it("says that there are none", async () => {
    const { stderr } = await hoop(["sessions"], { sessions: [] });
    expect(stderr)
      .to.match(/^No active sessions found\. .*--all/)
      .and.contain("kubectl hoop records --kind session");
    const { stderr: ofAll } = await hoop(["sessions", "--all"], { sessions: [] });
    expect(ofAll)
      .to.match(/^No sessions found\./)
      .and.contain("kubectl hoop records --kind session");
  });

  it("proposes them to who types a name", async () => {
    const proposed = await completions(["replay", ""], { sessions: SESSIONS });
    expect(proposed)
      .to.contain("deployer-1\tsystem:serviceaccount:ci:bot, deployer, Active\n")
      .and.contain("over\t");
    expect(await completions(["kill", ""], { sessions: SESSIONS })).to.not.contain("over\t");
    expect(await completions(["login", "--to", ""], {})).to.equal(":0\n");
    const ofAgents = await completions(["kill", "--agent", ""], { sessions: SESSIONS });
    expect(ofAgents).to.contain("ci/bot\t").and.contain("eve\t");
  });
});

describe("kubectl hoop login", () => {
  let directory: string;
  let file: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "hoop-login-"));
    file = join(directory, "session.kubeconfig");
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it("begins a session, and writes a kubeconfig with the same credential and another address", async () => {
    const args = ["login", "--profile=deployer", "--duration=20m", "--reason", "release 42", "--to", file];
    const { code, stdout, inputs, calls } = await hoop(args, { answer: answering(config()) });
    expect(code).to.equal(0);
    expect(JSON.parse(inputs[0] ?? "")).to.deep.equal({
      ...{ apiVersion: "hoop.dev/v1alpha1", kind: "Session" },
      metadata: { generateName: "deployer-", namespace: "shop" },
      spec: { profile: "deployer", duration: "20m", reason: "release 42" },
    });
    expect(calls[1]).to.include("/apis/hoop.dev/v1alpha1/namespaces/shop/sessions");
    const written = parse(readFileSync(file, "utf8"));
    expect(written.clusters[0].cluster).to.deep.equal({
      server: `https://cluster:6443${PATH}`,
      "certificate-authority-data": "Q0E=",
    });
    expect(written.users[0].user).to.deep.equal({ token: "t0ken" });
    expect(written.contexts[0].context).to.include({ namespace: "shop" });
    expect(statSync(file).mode & 0o777).to.equal(0o600);
    expect(stdout).to.contain("until 2026-11-21T10:10:00Z").and.contain(`kubectl --kubeconfig ${file}`);
  });

  it("goes by the flags that kubectl has", async () => {
    const args = ["login", "--profile=deployer", "--context=other", "-n", "demo", "--to=-"];
    const { stdout, inputs } = await hoop(args, { answer: answering(config()) });
    expect(JSON.parse(inputs[0] ?? "").metadata.namespace).to.equal("demo");
    expect(parse(stdout).clusters[0].cluster.server).to.equal(`https://other:6443${PATH}`);
    expect(parse(stdout).users[0].user).to.deep.equal({ exec: { command: "login" } });
  });

  it("replaces the kubeconfig of a session, and no other file", async () => {
    const args = ["login", "--profile=deployer", "--to", file];
    writeFileSync(file, JSON.stringify(config()));
    const refused = await hoop(args, { answer: answering(config()) });
    expect(refused.stderr).to.contain("not of a session");
    expect(refused.calls).to.deep.equal([]);
    expect(readFileSync(file, "utf8")).to.equal(JSON.stringify(config()));
    const { clusters } = config(`https://cluster:6443${PATH}`);
    writeFileSync(file, JSON.stringify({ clusters: clusters.slice(0, 1) }));
    expect((await hoop(args, { answer: answering(config()) })).code).to.equal(0);
  });

  const refusals = {
    "in a session": [answering(config(`https://c${PATH}`)), "a session begins no other"],
    "without a cluster": [answering({}), "names no cluster"],
    "where the server says no": [
      answering(
        config(),
        failed(
          'Error from server (Forbidden): sessions.hoop.dev "x" is forbidden: only agents have sessions',
        ),
      ),
      "forbidden: only agents have sessions",
    ],
    "where it is not Active": [
      answering(config(), json(session("x", { phase: "Revoked", message: "no more" }))),
      "x is Revoked: no more",
    ],
  } as const;
  for (const [where, [answer, says]] of Object.entries(refusals))
    it(`writes nothing ${where}, and says why`, async () => {
      const { code, stderr } = await hoop(["login", "--profile=deployer", "--to", file], { answer });
      expect(code).to.equal(1);
      expect(stderr).to.contain(says);
      expect(() => statSync(file)).to.throw("ENOENT");
    });
});

describe("kubectl hoop login where people must approve", () => {
  const waiting = session("deployer-1", { phase: "Pending", approval: "create-session-1" });
  const asked = (status: object, ...more: string[]) => {
    const create = answering(config(), json(waiting));
    const answer: Script["answer"] = (args, input) =>
      args[0] === "get" ? json(session("deployer-1", status)) : create(args, input);
    return hoop(["login", "--profile=deployer", "--to=-", ...more], { answer });
  };

  it("waits until they have, and says for what", async () => {
    const { code, stdout, stderr } = await asked({});
    expect(code).to.equal(0);
    expect(stderr)
      .to.contain("shop/deployer-1 waits until a person approves it")
      .and.contain("kubectl hoop approve create-session-1 -n shop")
      .and.contain("is approved");
    expect(parse(stdout).clusters[0].cluster.server).to.equal(`https://cluster:6443${PATH}`);
  });

  it("ends with 77 where they say no, and with 75 where they have said nothing in time", async () => {
    const denied = await asked({ phase: "Denied", message: "not today" });
    expect([denied.code, denied.stdout]).to.deep.equal([77, ""]);
    expect(denied.stderr).to.contain("is Denied: not today");
    const undecided = await asked({ phase: "Pending" }, "--wait=0s");
    expect([undecided.code, undecided.stdout]).to.deep.equal([75, ""]);
    expect(undecided.stderr).to.contain("is not approved yet");
  });
});

describe("kubectl hoop login with a token", () => {
  let directory: string;
  let server: Server;
  let url: string;
  let asked: string;
  let asking = 0;
  /** The token of a session that is over. */
  let dead = "";
  let github: object;
  let answer: object;
  const given = () => ({
    ...{ access_token: "d00r", expires_in: 600 },
    session: {
      ...{ namespace: "shop", name: "deployer-1", phase: "Active", path: PATH },
      expiresAt: "2026-11-21T10:10:00Z",
    },
  });
  const script = () => ({
    answer: answering(config()),
    environment: { XDG_CACHE_HOME: join(directory, "cache") },
  });
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), "hoop-login-"));
    writeFileSync(join(directory, "token"), "o1dc\n");
    server = createServer(async (request, response) => {
      if (request.url?.startsWith("/github") === true) {
        github = { url: request.url, bearer: request.headers.authorization };
        response.end(JSON.stringify({ value: "of-github" }));
        return;
      }
      if (/\/(selfsubjectreviews|version)$/.test(request.url ?? "")) {
        response.statusCode = request.headers.authorization === `Bearer ${dead}` ? 401 : 200;
        response.end("{}");
        return;
      }
      asking++;
      asked = await text(request);
      response.statusCode = "error" in answer ? 403 : 200;
      response.end(JSON.stringify(answer));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
    rmSync(directory, { recursive: true });
  });
  beforeEach(() => {
    dead = "";
    rmSync(join(directory, "cache"), { recursive: true, force: true });
  });
  /** What was written, but for the address of the API server. */
  const reachable = (kubeconfig: string) =>
    parse(kubeconfig.replaceAll("https://cluster:6443", new URL(url).origin));
  const args = (...more: string[]) => [
    ...["login", "--profile=deployer", "--to=-", `--token-file=${join(directory, "token")}`],
    ...more,
  ];

  it("exchanges it, and writes what it was exchanged for in its place", async () => {
    answer = given();
    const { stdout, stderr, code, calls } = await hoop(args(`--exchange=${url}`, "--duration=20m"), script());
    expect(code, stderr).to.equal(0);
    expect(Object.fromEntries(new URLSearchParams(asked))).to.deep.equal({
      grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
      subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
      ...{ subject_token: "o1dc", profile: "deployer", namespace: "shop", duration: "20m" },
    });
    expect(stdout).to.not.contain("d00r").and.not.contain("o1dc");
    const { command, args: words, interactiveMode } = parse(stdout).users[0].user.exec;
    expect([command, interactiveMode]).to.deep.equal(["kubectl-hoop", "Never"]);
    expect(words).to.deep.equal([
      ...["credential", "--profile=deployer", "--namespace=shop", `--exchange=${url}`],
      ...[`--token-file=${join(directory, "token")}`, "--duration=20m"],
    ]);
    expect(parse(stdout).clusters[0].cluster.server).to.equal(
      `https://cluster:6443${PATH.replace("deployer-1", "current")}`,
    );
    expect(calls.filter(([verb]) => verb === "create")).to.deep.equal([]);
  });

  const unusable: Record<string, [file: string, text: string | undefined, says: string]> = {
    "is empty": ["empty", "\n", "empty is empty\n"],
    "is not there": ["missing", undefined, "missing cannot be read: no such file or directory\n"],
  };
  for (const [what, [name, text, says]] of Object.entries(unusable))
    it(`says that the token file ${what}`, async () => {
      const file = join(directory, name);
      if (text !== undefined) writeFileSync(file, text);
      const { code, stderr } = await hoop(
        ["login", "--profile=deployer", "--to=-", `--token-file=${file}`, `--exchange=${url}`],
        script(),
      );
      expect(code).to.equal(1);
      expect(stderr).to.contain(`the token file ${directory}/${says}`);
    });

  it("gives kubectl that token until the session is over, and another one then", async () => {
    answer = given();
    const credential = args(`--exchange=${url}`).slice(3);
    const words = ["credential", "--profile=deployer", "-n", "shop", ...credential];
    asked = "";
    const first = await hoop(words, script());
    expect(first.code, first.stderr).to.equal(0);
    expect(JSON.parse(first.stdout)).to.deep.equal({
      ...{ apiVersion: "client.authentication.k8s.io/v1", kind: "ExecCredential" },
      status: { token: "d00r", expirationTimestamp: "2026-11-21T10:10:00.000Z" },
    });
    const [file = ""] = readdirSync(join(directory, "cache", "kubectl-hoop"));
    const kept = join(directory, "cache", "kubectl-hoop", file);
    expect(statSync(kept).mode & 0o777).to.equal(0o600);
    expect(statSync(dirname(kept)).mode & 0o777).to.equal(0o700);
    asked = "";
    expect(JSON.parse((await hoop(words, script())).stdout).status.token).to.equal("d00r");
    expect(asked).to.equal("");
    answer = { ...given(), access_token: "0ther" };
    const later = Date.parse("2026-11-21T10:09:56Z");
    expect(JSON.parse((await hoop(words, { ...script(), now: later })).stdout).status.token).to.equal(
      "0ther",
    );
    expect(asked).to.contain("subject_token=o1dc");
  });

  it("begins one session for several commands at once", async () => {
    answer = given();
    asking = 0;
    const words = [
      "credential",
      "--profile=deployer",
      "-n",
      "at-once",
      ...args(`--exchange=${url}`).slice(3),
    ];
    const all = await Promise.all([1, 2, 3].map(() => hoop(words, script())));
    expect(all.map(({ code }) => code)).to.deep.equal([0, 0, 0]);
    expect(asking).to.equal(1);
  });

  it("asks GitHub for the token where no file is named", async () => {
    answer = given();
    const environment = {
      ...script().environment,
      ACTIONS_ID_TOKEN_REQUEST_URL: `${url.replace("/token", "/github")}?api-version=2`,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: "g1thub",
    };
    const words = ["credential", "--profile=deployer", "-n", "ci", `--exchange=${url}`];
    const { code, stderr } = await hoop(words, { ...script(), environment });
    expect(code, stderr).to.equal(0);
    expect(github).to.deep.equal({ url: "/github?api-version=2&audience=hoop", bearer: "Bearer g1thub" });
    expect(asked).to.contain("subject_token=of-github");
    const without = await hoop([...words, "--reason=other"], script());
    expect(without.stderr).to.contain("there is no token to exchange");
  });

  it("begins no other when it was logged out of", async () => {
    answer = given();
    const { stdout } = await hoop(args(`--exchange=${url}`), script());
    const inside = { ...script(), answer: answering(reachable(stdout)) };
    const out = await hoop(["logout"], inside);
    expect(out.stdout, out.stderr).to.equal("session.hoop.dev/deployer-1 ended\n");
    expect(asked).to.equal("token=d00r");
    expect((await hoop(["logout"], inside)).stderr).to.contain("was logged out of already");
    const again = await hoop(parse(stdout).users[0].user.exec.args, script());
    expect([again.code, again.stdout]).to.deep.equal([1, ""]);
    expect(again.stderr).to.contain("begin another one with kubectl hoop login");
  });

  it("begins another one by a kubeconfig with another key, which is logged out of by itself", async () => {
    answer = given();
    const { stdout } = await hoop(args(`--exchange=${url}`), script());
    const keyed = (key: string) => {
      const kubeconfig = reachable(stdout);
      const [{ user }] = kubeconfig.users;
      user.exec.args.push(`--key=${key}`);
      return { words: user.exec.args as string[], inside: { ...script(), answer: answering(kubeconfig) } };
    };
    const [first, second] = [keyed("first"), keyed("second")];
    asking = 0;
    for (const { words } of [first, second]) expect((await hoop(words, script())).code).to.equal(0);
    expect(asking).to.equal(2);
    expect((await hoop(["logout"], first.inside)).code).to.equal(0);
    expect((await hoop(first.words, script())).stderr).to.contain("logged out of");
    const other = await hoop(second.words, script());
    expect(JSON.parse(other.stdout).status.token, other.stderr).to.equal("d00r");
  });

  const ends = {
    "has expired": { now: Date.parse("2026-11-21T10:20:00Z") },
    "was killed": { gone: "d00r" },
  } as const;
  for (const [how, end] of Object.entries(ends)) {
    const begun = async () => {
      answer = given();
      const { stdout } = await hoop(args(`--exchange=${url}`), script());
      dead = "gone" in end ? end.gone : "";
      const kubeconfig = reachable(stdout);
      const environment = {
        ...script().environment,
        KUBERNETES_EXEC_INFO: JSON.stringify({ spec: { cluster: kubeconfig.clusters[0].cluster } }),
      };
      const now = "now" in end ? { now: end.now } : {};
      return { kubeconfig, context: { ...script(), ...now, environment, answer: answering(kubeconfig) } };
    };

    it(`says of a session that ${how} that it is over, before why no other was begun`, async () => {
      const { kubeconfig, context } = await begun();
      answer = { error: "invalid_request", error_description: "the token: it was exchanged before" };
      const { code, stderr } = await hoop(kubeconfig.users[0].user.exec.args, context);
      expect(code).to.equal(1);
      expect(stderr)
        .to.contain(`the session shop/deployer-1 is over: it ${how}`)
        .and.match(/; kubectl hoop login begins another one \(.*not exchanged: it was exchanged before\)\n$/);
    });

    it(`has nothing to end of a session that ${how}, and begins no other either`, async () => {
      const { kubeconfig, context } = await begun();
      asking = 0;
      const { code, stdout } = await hoop(["logout"], context);
      expect([code, asking]).to.deep.equal([0, 0]);
      expect(stdout).to.match(new RegExp(`^session.hoop.dev/deployer-1 was over already: it ${how}`));
      const again = await hoop(kubeconfig.users[0].user.exec.args, context);
      expect(again.stderr).to.contain("logged out of");
    });
  }

  it("says why it was not exchanged", async () => {
    answer = { error: "invalid_request", error_description: "the token: it has expired" };
    const { stderr, code } = await hoop(args(`--exchange=${url}`), script());
    expect(code).to.equal(1);
    expect(stderr).to.contain("the token was not exchanged: it has expired");
  });

  it("sends it nowhere in the clear, and needs to know where", async () => {
    const clear = await hoop(args("--exchange=http://hoop.example/token"), { answer: answering(config()) });
    expect(clear.stderr).to.contain("not an address that begins with https://");
    const nowhere = await hoop(args(), { answer: answering(config()) });
    expect(nowhere.stderr).to.contain("go together");
  });
});

describe("kubectl hoop logout", () => {
  it("ends the session that the kubeconfig is of, and not through it", async () => {
    const { calls, stdout } = await hoop(["logout", "--kubeconfig=s"], {
      answer: answering(config(`https://cluster:6443${PATH}`)),
      sessions: SESSIONS,
    });
    expect(calls[2]).to.include.members(["deployer-1", "--namespace=shop", "--server=https://cluster:6443"]);
    expect(stdout).to.equal("session.hoop.dev/deployer-1 ended\n");
  });

  it("ends one by its name, and needs one where the kubeconfig is of none", async () => {
    const script: Script = { answer: answering(config()), sessions: [session("one")] };
    const { calls } = await hoop(["logout", "one"], script);
    expect(calls[2]).to.include.members(["delete", "one", "--namespace=shop"]);
    const elsewhere = await hoop(["logout", "ops/one"], script);
    expect(elsewhere.calls[2]).to.include.members(["delete", "one", "--namespace=ops"]);
    expect((await hoop(["logout"], { answer: answering(config()) })).stderr).to.contain("of no session");
  });
});

describe("kubectl hoop logout of what is over", () => {
  const inside = config(`https://cluster:6443${PATH}`);
  const deleted = (calls: string[][]) => calls.some(([verb]) => verb === "delete");

  it("says so of what the kubeconfig is of, and of what is named", async () => {
    const killed = await hoop(["logout"], { answer: answering(inside), sessions: [] });
    expect(killed.stdout, killed.stderr).to.equal(
      "session.hoop.dev/deployer-1 was over already: killed, or logged out of\n",
    );
    const late = await hoop(["logout", "late"], { answer: answering(inside), sessions: SESSIONS });
    expect(late.stdout, late.stderr).to.equal("session.hoop.dev/late was over already: Expired\n");
    expect(deleted([...killed.calls, ...late.calls])).to.equal(false);
  });

  it("says so where it is killed meanwhile", async () => {
    const answer: Script["answer"] = (args, input) =>
      args[0] === "delete"
        ? failed('Error from server (NotFound): sessions.hoop.dev "deployer-1" not found')
        : answering(inside)(args, input);
    const { stdout } = await hoop(["logout"], { answer, sessions: SESSIONS });
    expect(stdout).to.contain("was over already: killed");
  });

  it("says of a name that nothing has that it may be over, or elsewhere", async () => {
    const { code, stderr } = await hoop(["logout", "none"], { answer: answering(config()), sessions: [] });
    expect(code).to.equal(1);
    expect(stderr).to.contain(
      "no session none in namespace shop: it is over already (killed, or logged out of), or in another one (-n)",
    );
  });

  it("ends one of which it may not be asked how it is", async () => {
    const answer: Script["answer"] = (args, input) =>
      args[0] === "get" ? failed("Error from server (Forbidden): no") : answering(inside)(args, input);
    const { stdout, calls } = await hoop(["logout"], { answer, sessions: SESSIONS });
    expect(stdout).to.equal("session.hoop.dev/deployer-1 ended\n");
    expect(deleted(calls)).to.equal(true);
  });
});

describe("kubectl hoop kill", () => {
  const deleted = ({ calls }: { calls: string[][] }) =>
    calls.filter(([verb]) => verb === "delete").map(([, , name]) => name);
  const script: Script = { sessions: SESSIONS, answer: answering({}) };

  const kills = {
    "all of an agent": [["--agent=ci/bot", "--yes"], ["deployer-1"]],
    "all by a profile": [
      ["--profile=deployer", "--yes"],
      ["deployer-1", "deployer-2"],
    ],
    "those that are named": [["deployer-2", "--yes"], ["deployer-2"]],
    "those that are named with their namespace": [
      ["session.hoop.dev/deployer-1", "shop/deployer-2", "-n=shop", "--yes"],
      ["deployer-1", "deployer-2"],
    ],
  } as const;
  for (const [what, [args, names]] of Object.entries(kills))
    it(`ends ${what}`, async () => {
      const ran = await hoop(["kill", ...args], script);
      expect(ran.code).to.equal(0);
      expect(deleted(ran)).to.deep.equal(names);
    });

  it("asks first, and shows which", async () => {
    const no = await hoop(["kill", "--agent=eve"], { ...script, interactive: true, says: "" });
    expect(no.asked).to.contain("shop/deployer-2 of eve\n");
    expect(deleted(no)).to.deep.equal([]);
    const yes = await hoop(["kill", "--agent=eve"], { ...script, interactive: true, says: "y" });
    expect(deleted(yes)).to.deep.equal(["deployer-2"]);
  });

  const refusals = {
    "everything without being told so": [[], "whose?"],
    "what nobody could be asked about": [["--agent=eve"], "this ends 1 session: say --yes"],
    "several that nobody could be asked about": [["--profile=deployer"], "this ends 2 sessions: say --yes"],
    "what is not there": [["none", "--yes"], "no active session is called none"],
    "what is elsewhere": [["other/deployer-1", "--yes"], "no active session is called other/deployer-1"],
    "what cannot be": [["shop/deployer-1", "-n=other", "--yes"], "is not in the namespace other of -n"],
    "what is over": [["over", "--yes"], "no active session is called over; over is over (Revoked)"],
  } as const;
  for (const [what, [args, says]] of Object.entries(refusals))
    it(`does not end ${what}`, async () => {
      const ran = await hoop(["kill", ...args], script);
      expect(ran.code).to.equal(1);
      expect(ran.stderr).to.contain(says);
      expect(deleted(ran)).to.deep.equal([]);
    });

  it("goes on after one that cannot be ended, and says which", async () => {
    const answer: Script["answer"] = (args) =>
      args[2] === "deployer-1"
        ? failed("Error from server (Forbidden): no")
        : answering({})?.(args, undefined);
    const ran = await hoop(["kill", "--profile=deployer", "--yes"], { ...script, answer });
    expect(ran.code).to.equal(1);
    expect(deleted(ran)).to.deep.equal(["deployer-1", "deployer-2"]);
    expect(ran.stderr).to.contain("still going on: shop/deployer-1: forbidden: no");
  });
});
