import { type ChildProcess, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { kubectlIn, npmStart, npmStop, processesOf, stateDirectory, until } from "../support/installation.ts";

const ROOT = join(import.meta.dirname, "..", "..");

/** What `npm start` runs. */
const SCRIPT = ["sh", "scripts/node.sh", "local/start.ts"];

interface Foreground {
  child: ChildProcess;
  shown(): string;
  sees(text: string): Promise<unknown>;
  ended: Promise<number | null>;
}

describe("npm start in the foreground", function () {
  this.timeout(240_000);
  let state: string;
  let remove: () => Promise<void>;

  before(async () => {
    ({ state, remove } = await stateDirectory());
  });

  after(async () => {
    await npmStop("--state", state);
    await remove?.();
  });

  /** As a terminal does it: a process group of its own. */
  async function started(command: readonly string[]): Promise<Foreground> {
    const [program = "", ...args] = command;
    const child = spawn(program, [...args, "--state", state], {
      cwd: ROOT,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let text = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (text += chunk));
    const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
    const shown = () => text;
    const sees = (wanted: string) =>
      until(`"${wanted}" is shown in:\n${text}`, async () => text.includes(wanted));
    await Promise.race([
      sees("Ctrl-C stops everything"),
      ended.then(() => Promise.reject(new Error(`it ended:\n${text}`))),
    ]);
    return { child, shown, sees, ended };
  }

  it("shows holds and decisions as they come, and Ctrl-C ends everything", async () => {
    const { child, shown, sees, ended } = await started(["npm", "start", "--"]);
    const { must, kubectl, pending } = kubectlIn(state);
    const blocked = kubectl("agent", "delete", "namespace", "demo", "--wait=false");
    const name = await pending("demo");
    await sees(name);
    await must("approver", "hoop", "deny", name, "-n", "hoop-system", "-m", "wait for the freeze to end");
    await sees("Denied by approver");
    expect((await blocked).output).to.contain("wait for the freeze to end");

    const twice = await npmStart("--detach", "--state", state);
    expect(twice.code).to.equal(0);
    expect(twice.output).to.contain("Hoop already runs");

    process.kill(-(child.pid ?? Number.NaN), "SIGINT");
    await ended;
    await sees("Stopped. The data is kept");
    expect(shown()).not.to.contain("This view has ended");
    await until("nothing is left", async () => (await processesOf(state)).length === 0);
  });

  it("ends with exit code 0 when it is signalled itself, twice in a row too, and while a request is held", async () => {
    const { child, sees, ended } = await started(SCRIPT);
    const { kubectl, pending } = kubectlIn(state);
    const blocked = kubectl("agent", "delete", "namespace", "kube-node-lease", "--wait=false");
    await pending("kube-node-lease");
    child.kill("SIGINT");
    child.kill("SIGTERM");
    expect(await ended).to.equal(0);
    await sees("Stopped. The data is kept");
    expect((await blocked).code).not.to.equal(0);
    expect(await processesOf(state)).to.deep.equal([]);
  });

  it("says which part has ended and where its log is, when one ends by itself", async () => {
    const { sees, ended } = await started(SCRIPT);
    await kubectlIn(state).pending("kube-node-lease");
    process.kill(Number(await readFile(join(state, "hoop.pid"), "utf8")), "SIGKILL");
    expect(await ended).to.equal(1);
    await sees(`hoop has ended (see ${join(state, "logs", "hoop.log")})`);
    expect(await processesOf(state)).to.deep.equal([]);
  });

  it("leaves nothing behind when it is killed with kill -9", async () => {
    const { child } = await started(SCRIPT);
    child.kill("SIGKILL");
    await until("nothing is left", async () => (await processesOf(state)).length === 0);
    expect((await npmStart("--status", "--state", state)).code).to.equal(3);
  });
});
