import { spawn } from "node:child_process";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { text } from "node:stream/consumers";
import { expect } from "chai";

const CLI = join(import.meta.dirname, "..", "..", "..", "cli");
const PLUGIN = join(CLI, "kubectl-hoop");

interface Ran {
  code: number | null;
  stdout: string;
  stderr: string;
}

describe("the command of kubectl hoop run", () => {
  let directory = "";
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "hoop-run-"));
    // No cluster: progress cannot be shown, and the command does not care.
    await writeFile(join(directory, "kubectl"), "#!/bin/sh\nexit 1\n", { mode: 0o755 });
  });
  after(() => rm(directory, { recursive: true }));

  function start(args: readonly string[], input = "") {
    const env = { ...process.env, PATH: `${directory}${delimiter}${process.env["PATH"]}` };
    const child = spawn(PLUGIN, args, { env, stdio: ["pipe", "pipe", "pipe"] });
    child.stdin.end(input);
    const begun = new Promise((resolve) => child.stdout.once("data", resolve));
    const code = new Promise<number | null>((resolve) => child.once("close", resolve));
    const ran = async (): Promise<Ran> => {
      const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
      return { code: await code, stdout, stderr };
    };
    return { child, begun, ran: ran() };
  }

  it("has our standard input, output and error, and its exit code is ours", async () => {
    const script = 'cat; printf "%s|" "$@"; printf "é\\n" >&2; exit 7';
    const { ran } = start(["run", "--", "sh", "-c", script, "sh", "-o", "a b", ""], "hello ");
    expect(await ran).to.deep.equal({ code: 7, stdout: "hello -o|a b||", stderr: "é\n" });
  });

  it("reads the same twice where it is run twice", async () => {
    const held =
      "HELD, not refused. approval=x-0000 namespace=demo rule=r state=Pending expires=2030-01-01T00:00:00Z";
    const script = `cat >&2; echo '${held}' >&2; exit 1`;
    const { ran } = start(["run", "--wait=1s", "--", "sh", "-c", script, "-"], "kind: Pod\n");
    const { code, stderr } = await ran;
    expect(stderr).to.match(/^kind: Pod\nHELD/);
    // Whether it was decided cannot be found out here.
    expect(code).to.equal(1);
  });

  it("gets the signal that we get, and is waited for", async () => {
    const script = "trap 'echo ended; exit 3' TERM; echo begun; while :; do sleep 0.1; done";
    const { child, begun, ran } = start(["run", "--", "sh", "-c", script]);
    await begun;
    child.kill("SIGTERM");
    expect(await ran).to.deep.include({ code: 143, stdout: "begun\nended\n" });
  });

  it("is named where it is not there or no program", async () => {
    await writeFile(join(directory, "text"), "", { mode: 0o644 });
    const [missing, text] = await Promise.all([
      start(["run", "--", "no-such-program"]).ran,
      start(["run", "--", join(directory, "text")]).ran,
    ]);
    expect(missing).to.deep.include({ code: 127, stderr: "error: no-such-program was not found\n" });
    expect(text.code).to.equal(126);
  });

  it("is completed as kubectl completes it", async () => {
    await symlink(PLUGIN, join(directory, "kubectl-hoop"));
    const env = { ...process.env, PATH: `${directory}${delimiter}${process.env["PATH"]}` };
    const child = spawn(join(CLI, "kubectl_complete-hoop"), ["rea"], { env });
    expect(await text(child.stdout)).to.equal("reapprove\tLet the very same request through once more\n:4\n");
  });
});
