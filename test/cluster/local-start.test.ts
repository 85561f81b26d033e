import { access, mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect } from "chai";
import {
  killed,
  kubectlIn,
  npmStart,
  npmStop,
  portsOf,
  processesOf,
  ran,
  running,
  stateDirectory,
} from "../support/installation.ts";

const COMPONENTS = ["etcd", "kube-apiserver", "kube-controller-manager", "kwok", "issuer", "hoop"];

describe("npm start -- --detach", function () {
  this.timeout(240_000);
  let state: string;
  let remove: () => Promise<void>;
  let said: string;
  let in_: ReturnType<typeof kubectlIn>;

  const start = () => npmStart("--detach", "--state", state);

  before(async () => {
    ({ state, remove } = await stateDirectory());
    const { code, output } = await start();
    expect(code, output).to.equal(0);
    said = output;
    in_ = kubectlIn(state);
  });

  after(async () => {
    await npmStop("--state", state);
    await remove?.();
  });

  it("has a provider whose tokens are exchanged for sessions, as the tour tells", async () => {
    expect(await in_.must("session", "get", "pods")).to.match(/^web /m);
    expect(await in_.must("session", "get", "secret", "database", "-o", "yaml")).to.match(/user: W21hc2tlZD/);
    const said = in_.must("session", "exec", "web", "--", "sh", "-c", "echo hello");
    await in_.must("approver", "hoop", "approve", await in_.pending("web"), "-n", "demo", "--yes");
    expect(await said).to.contain("hello");
    const [, name = ""] = (
      await in_.must("human", "get", "sessions.hoop.dev", "-n", "demo", "-o", "name")
    ).split("/");
    const told = await in_.must("human", "hoop", "replay", name.trim());
    for (const words of ["get secrets/database -n demo", "approved by approver"])
      expect(told).to.contain(words);
    expect(await in_.must("human", "hoop", "replay", name.trim(), "--asciicast")).to.contain("hello");
    await in_.must("session", "hoop", "logout");
    const { code, output } = await in_.kubectl("session", "get", "pods");
    expect(output).to.contain("the session was logged out of");
    expect(code).to.not.equal(0);
  });

  it("gives nobody rights that doctor condemns", async () => {
    const { code, output } = await in_.kubectl("human", "hoop", "doctor");
    expect(output).to.contain("Looked at group hoop:agents, system:serviceaccount:work:deployer;");
    expect(code, output).to.equal(0);
  });

  it("is ready when it returns: an agent's very next command is held, and passes once approved", async () => {
    const blocked = in_.kubectl("agent", "delete", "namespace", "demo", "--wait=false");
    const name = await in_.pending("demo");
    await in_.must("approver", "hoop", "approve", name, "-n", "hoop-system", "--yes", "-m", "CHG-1");
    const { code, output } = await blocked;
    expect(output).to.contain('namespace "demo" deleted');
    expect(code).to.equal(0);
  });

  it("says what it does, and prints a tour whose lines name what is there", async () => {
    for (const step of ["starting etcd", "starting kube-apiserver", "starting hoop", "Hoop is ready"])
      expect(said).to.contain(step);
    expect(said).to.contain(`npm stop -- --state ${state}`);
    const named = said.match(new RegExp(`${state}/[\\w./-]+`, "g")) ?? [];
    expect(new Set(named).size).to.equal(5);
    for (const path of named) await access(path);
  });

  it("leaves kubeconfigs, programs, the pid and all logs where people look for them", async () => {
    for (const file of ["human", "agent", "approver", "auditor", "session"].map((who) => `${who}.kubeconfig`))
      expect((await stat(join(state, file))).mode & 0o777, file).to.equal(0o600);
    const pid = Number(await readFile(join(state, "hoop.pid"), "utf8"));
    expect(pid).to.equal((await running(state)).get("hoop"));
    for (const name of [...COMPONENTS, "audit"]) {
      const log = join(state, "logs", `${name}.log`);
      expect(await readFile(log, "utf8"), log).to.be.a("string");
    }
    expect(await in_.must("human", "hoop", "version")).to.match(/\d+\.\d+\.\d+/);
  });

  it("keeps keys and credentials from other users of the machine", async () => {
    expect((await stat(state)).mode & 0o077).to.equal(0);
    const files = await readdir(state, { recursive: true, withFileTypes: true });
    const secret = /\.key$|kubeconfig$|local\.json$|issuer\.json$|oidc-token$|hoop\.yaml$|hoop\.db/;
    const open: string[] = [];
    for (const file of files.filter((one) => one.isFile() && secret.test(one.name)))
      if (((await stat(join(file.parentPath, file.name))).mode & 0o077) !== 0) open.push(file.name);
    expect(open).to.deep.equal([]);
  });

  it("tells what runs, and says so when it is started twice", async () => {
    const status = await npmStart("--status", "--state", state);
    expect(status.code).to.equal(0);
    for (const name of COMPONENTS) expect(status.output).to.match(new RegExp(`^${name} +running`, "m"));
    const before = await running(state);
    const twice = await start();
    expect(twice.code).to.equal(0);
    expect(twice.output).to.contain(`Hoop already runs in ${state}`);
    expect(await running(state)).to.deep.equal(before);
  });

  it("brings back nothing but a Hoop that was killed, with what waited for a decision, and the tour", async () => {
    await in_.must("human", "create", "namespace", "kept");
    const blocked = in_.kubectl("agent", "delete", "namespace", "kept", "--wait=false");
    const name = await in_.pending("kept");
    await in_.must("human", "wait", "--for=delete", "namespace/demo", "--timeout=120s");
    await in_.must("human", "create", "namespace", "demo");
    const before = await killed(state, "hoop");
    expect((await blocked).code).not.to.equal(0);
    expect((await npmStart("--status", "--state", state)).code).to.equal(3);
    // That ends only when Hoop is back, and what is put into it before would go with it.
    await in_.must("human", "delete", "namespace", "demo", "--wait=false");

    const { webhook } = await portsOf(state);
    // The API server keeps asking for Hoop at that port, and would keep it from being given back.
    const thief = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => thief.listen(webhook, "127.0.0.1", resolve));
    const refused = await start();
    expect(refused.code).to.equal(1);
    expect(refused.output).to.contain(`port ${webhook} of Hoop is taken`);
    await new Promise((resolve) => thief.close(resolve));

    const { code, output } = await start();
    expect(code, output).to.equal(0);
    expect(output).to.contain(`Bringing back hoop in ${state}`).and.not.to.contain("starting etcd");
    expect(output).to.contain("waiting until the deletion of the tour's namespace demo has ended");
    await in_.must("human", "get", "pod/web", "secret/database", "-n", "demo");
    const { hoop, ...others } = Object.fromEntries(await running(state));
    expect({ ...others, hoop: before.get("hoop") }).to.deep.equal(Object.fromEntries(before));
    expect(hoop).not.to.equal(before.get("hoop"));
    await in_.must("approver", "hoop", "approve", name, "-n", "hoop-system", "--yes");
    await in_.must("agent", "delete", "namespace", "kept", "--wait=false");
  });

  for (const name of ["kube-apiserver", "etcd"])
    it(`brings back nothing but ${name} that was killed, and Hoop goes on`, async () => {
      const before = await killed(state, name);
      const { code, output } = await start();
      expect(code, output).to.equal(0);
      const after = await running(state);
      expect([...after.keys()]).to.have.members(COMPONENTS);
      for (const other of COMPONENTS)
        if (other !== name) expect(after.get(other), other).to.equal(before.get(other));
      await in_.must("human", "create", "namespace", `after-${name}`);
      const blocked = in_.kubectl("agent", "delete", "namespace", `after-${name}`, "--wait=false");
      const approval = await in_.pending(`after-${name}`);
      await in_.must("approver", "hoop", "deny", approval, "-n", "hoop-system", "-m", "not today");
      expect((await blocked).output).to.contain("not today");
    });

  it("ends with npm stop, and a stop and a start later everything is there", async () => {
    const blocked = in_.kubectl("agent", "delete", "namespace", "demo", "--wait=false");
    const waiting = await in_.pending("demo");
    const records = await in_.must("human", "hoop", "records", "-o", "name");
    expect(records.trim().split("\n").length).to.be.greaterThan(2);
    const stopped = await npmStop("--state", state);
    expect(stopped.code).to.equal(0);
    for (const name of COMPONENTS) expect(stopped.output).to.contain(name);
    await blocked;
    expect(await processesOf(state)).to.deep.equal([]);
    const again = await npmStop("--state", state);
    expect(again.code).to.equal(0);
    expect(again.output).to.contain(`Nothing runs in ${state}`);

    const { code, output } = await start();
    expect(code, output).to.equal(0);
    expect(await in_.pending("demo")).to.equal(waiting);
    expect(await in_.must("human", "hoop", "records", "-o", "name")).to.contain(records.trim());
    await in_.must("human", "get", "namespace", "after-etcd");
  });

  it("runs beside another one, which neither sees nor ends it", async () => {
    const other = await stateDirectory();
    try {
      const started = await npmStart("--detach", "--state", other.state);
      expect(started.code, started.output).to.equal(0);
      expect(await kubectlIn(other.state).must("approver", "hoop", "pending")).to.contain("Nothing waits");
      await in_.pending("demo");
      expect((await npmStop("--state", other.state)).code).to.equal(0);
      expect(await processesOf(other.state)).to.deep.equal([]);
      expect([...(await running(state)).keys()]).to.have.members(COMPONENTS);
    } finally {
      await npmStop("--state", other.state);
      await other.remove();
    }
  });
});

describe("npm start and npm stop refuse, saying why", () => {
  let state: string;
  let remove: () => Promise<void>;

  beforeEach(async () => {
    ({ state, remove } = await stateDirectory());
  });
  afterEach(() => remove());

  it("an option they do not know", async () => {
    for (const run of [npmStart, npmStop]) {
      const { code, output } = await run("--state", state, "--forground");
      expect(code).to.equal(1);
      expect(output).to.contain("Unknown option '--forground'").and.not.to.contain("    at ");
    }
  });

  it("a state directory that is something else's, and leave it as it was", async () => {
    await mkdir(state);
    await writeFile(join(state, "thesis.tex"), "");
    const { code, output } = await npmStart("--detach", "--state", state);
    expect(code).to.equal(1);
    expect(output).to.contain(`${state} is not a state directory of Hoop (it holds thesis.tex`);
    expect(await readdir(state)).to.deep.equal(["thesis.tex"]);
  });

  it("a state directory whose file says something else", async () => {
    await mkdir(state);
    await writeFile(join(state, "local.json"), "{}");
    for (const run of [npmStart, npmStop]) {
      const { code, output } = await run("--state", state);
      expect(code).to.equal(1);
      expect(output).to.contain("local.json is not what npm start wrote there");
    }
  });

  it("a kubeconfig that is not there, so that the next try may name another", async () => {
    const { code, output } = await npmStart("--kubeconfig", join(state, "missing"), "--state", state);
    expect(code).to.equal(1);
    expect(output).to.contain(`--kubeconfig ${join(state, "missing")}: there is no such file`);
    expect(await readdir(state)).to.deep.equal([]);
  });

  it("a machine without Go and without what Go has built before", async () => {
    const command = [process.execPath, "local/start.ts", "--detach", "--state", state];
    const { code, output } = await ran(command, {
      PATH: "/nonexistent",
      XDG_CACHE_HOME: join(state, "cache"),
      KUBEBUILDER_ASSETS: undefined,
    });
    expect(code).to.equal(1);
    expect(output).to.match(/Go \d+\.\d+\S* or later builds the test control plane/);
    expect(output).to.contain("https://go.dev/dl/").and.to.contain("no `go` is on the PATH");
  });
});
