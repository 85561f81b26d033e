import { execFile } from "node:child_process";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { kubectlFromPath } from "../../../cli/kubectl.ts";

const execute = promisify(execFile);
const PLUGIN = new URL("../../../cli/kubectl-hoop", import.meta.url).pathname;

describe("kubectl from PATH", () => {
  let directory = "";
  const { PATH } = process.env;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "kubectl-"));
    process.env["PATH"] = `${directory}${delimiter}${PATH}`;
  });
  after(async () => {
    process.env["PATH"] = PATH;
    await rm(directory, { recursive: true });
  });

  async function kubectl(script: string, signal = new AbortController().signal) {
    await writeFile(join(directory, "kubectl"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    const notices: string[] = [];
    return { kubectl: kubectlFromPath((text) => notices.push(text), signal), notices };
  }

  it("tells what it printed and how it ended", async () => {
    const { kubectl: it, notices } = await kubectl('printf "%s\\n" "$@"; exit 3');
    expect(await it.run(["get", "--raw", "/a b?c=d"])).to.deep.equal({
      code: 3,
      stdout: "get\n--raw\n/a b?c=d\n",
      stderr: "",
    });
    expect(notices).to.deep.equal([]);
  });

  it("keeps its error, drops Go's log, and passes on at once what is said to the person", async () => {
    const { kubectl: it, notices } = await kubectl(
      `printf 'Open https://login.invalid\\nPassword: ' >&2
       printf '\\033[2JWarning: old\\nE1121 10:00:00.000000 42 memcache.go:265] "Unhandled Error"\\n' >&2
       printf 'error: two\\n* lines\\n' >&2; exit 1`,
    );
    expect(await it.run([])).to.deep.equal({ code: 1, stdout: "", stderr: "error: two\n* lines" });
    expect(notices.join("")).to.equal("Open https://login.invalid\nPassword: \\u{1b}[2JWarning: old\n");
  });

  it("gives lines as they come, and ends kubectl when nobody wants more", async () => {
    const { kubectl: it } = await kubectl("echo one; echo two; exec sleep 600");
    const lines: string[] = [];
    for await (const line of it.follow([])) {
      lines.push(line);
      if (lines.length === 2) break;
    }
    expect(lines).to.deep.equal(["one", "two"]);
  });

  it("tells how a watch ended", async () => {
    const { kubectl: it } = await kubectl("echo one; echo 'error: gone' >&2; exit 1");
    const lines = it.follow([]);
    expect(await lines.next()).to.deep.equal({ done: false, value: "one" });
    expect(await lines.next()).to.deep.equal({
      done: true,
      value: { code: 1, stdout: "", stderr: "error: gone" },
    });
  });

  it("is ended by the person's Ctrl-C", async () => {
    const interruption = new AbortController();
    const { kubectl: it } = await kubectl("echo one; exec sleep 600", interruption.signal);
    const lines = it.follow([]);
    await lines.next();
    interruption.abort();
    const end = await lines.next().catch((error: Error) => error);
    expect(end).to.have.property("name", "AbortError");
  });

  it("says so when there is none", async () => {
    process.env["PATH"] = join(directory, "nowhere");
    try {
      const error = await kubectlFromPath(() => undefined, new AbortController().signal)
        .run([])
        .catch(String);
      expect(error).to.equal("Error: kubectl was not found on PATH; kubectl hoop needs it");
    } finally {
      process.env["PATH"] = `${directory}${delimiter}${PATH}`;
    }
  });

  describe("the plugin's executable", () => {
    it("prints its help", async () => {
      const { stdout, stderr } = await execute(PLUGIN, ["--help"]);
      expect(stdout).to.match(/^USAGE\n {2}kubectl hoop pending\n/);
      expect(stderr).to.equal("");
    });

    it("finds its checkout through links, and calls kubectl", async () => {
      await kubectl(`echo '{"kind":"ApprovalList","metadata":{"resourceVersion":"1"},"items":[]}'`);
      await symlink(PLUGIN, join(directory, "first link"));
      await symlink("first link", join(directory, "kubectl-hoop"));
      const { stdout, stderr } = await execute("kubectl-hoop", ["pending"], { cwd: directory });
      expect({ stdout, stderr }).to.deep.equal({ stdout: "", stderr: "Nothing waits for a decision.\n" });
    });

    it("exits 1 with the error on standard error", async () => {
      await kubectl(
        "echo 'Error from server (NotFound): the server could not find the requested resource' >&2; exit 1",
      );
      const failure = await execute(PLUGIN, ["pending"]).catch((error: object) => error);
      expect(failure).to.include({ code: 1, stdout: "" });
      expect(failure)
        .to.have.property("stderr")
        .that.matches(/^error: this cluster does not serve hoop\.dev/);
    });

    it("never loads the Kubernetes client", async () => {
      const { stdout } = await execute(process.execPath, [
        "--input-type=module",
        "--eval",
        `import { registerHooks } from "node:module";
         const seen = [];
         registerHooks({ load: (url, context, next) => { seen.push(url); return next(url, context); } });
         await import(${JSON.stringify(new URL("../../../cli/commands.ts", import.meta.url).href)});
         for (const name of ["pending", "show", "decide", "records"])
           await import(new URL(\`commands/\${name}.ts\`, ${JSON.stringify(new URL("../../../cli/", import.meta.url).href)}).href);
         console.log(seen.join("\\n"));`,
      ]);
      const packages = new Set(
        [...stdout.matchAll(/node_modules\/((?:@[^/]+\/)?[^/]+)/g)].map(([, name]) => name),
      );
      expect([...packages]).to.deep.equal(["@stricli/core"]);
    });
  });
});
