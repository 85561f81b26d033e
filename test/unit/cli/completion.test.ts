import { expect } from "chai";
import { type Answered, approval, completions, type Script } from "./scripted.ts";

const queue: Script = {
  approvals: [
    approval(),
    approval({ name: "exec-web-4r5s", namespace: "shop", spec: { operation: "CREATE" } }),
    approval({ name: "delete-ns-old-1111", status: { phase: "Used" } }),
  ],
};

/** The values proposed, without what is said of them. */
async function values(words: string[], script: Script = queue): Promise<string[]> {
  const lines = (await completions(words, script)).trimEnd().split("\n");
  return lines.map((line) => line.split("\t")[0] ?? "");
}

describe("completion", () => {
  it("proposes commands, and says what each is for", async () => {
    expect(await completions(["app"])).to.equal("approve\tLet a request of an agent through, once\n:4\n");
    expect(await values([""])).to.include.members(["pending", "run", "check", "uninstall", ":4"]);
  });

  it("proposes flags to who has begun one", async () => {
    expect(await values(["pending", "--wa"])).to.deep.equal(["--watch", ":4"]);
    expect(await values(["pending", ""])).to.deep.equal([":4"]);
  });

  it("proposes approvals in the phase that the command is for", async () => {
    expect(await values(["approve", ""])).to.deep.equal(["delete-ns-prod-7x2k", "exec-web-4r5s", ":4"]);
    expect(await values(["deny", "exec"])).to.deep.equal(["exec-web-4r5s", ":4"]);
    expect(await values(["reapprove", "delete"])).to.deep.equal(["delete-ns-old-1111", ":4"]);
    expect(await values(["show", "delete"])).to.deep.equal([
      "delete-ns-prod-7x2k",
      "delete-ns-old-1111",
      ":4",
    ]);
  });

  it("says of an approval what it is about", async () => {
    expect(await completions(["deny", "delete"], queue)).to.contain(
      "delete-ns-prod-7x2k\tdelete namespaces/prod, dev-claude, Pending\n",
    );
  });

  it("looks for them where the words before say", async () => {
    expect(await values(["deny", "-n", "shop", ""])).to.deep.equal(["exec-web-4r5s", ":4"]);
    const asked: string[][] = [];
    const answer = (args: readonly string[]): Answered => {
      asked.push([...args]);
      return undefined;
    };
    await completions(["deny", "--context", "prod", "--kubeconfig=a", ""], { ...queue, answer });
    expect(asked[0]).to.include.members(["--context=prod", "--kubeconfig=a", "--request-timeout=2s"]);
  });

  it("proposes the values of flags, in both spellings", async () => {
    expect(await values(["pending", "-o", ""])).to.deep.equal(["json", "yaml", "name", "wide", ":4"]);
    expect(await values(["pending", "--output=j"])).to.deep.equal(["--output=json", ":4"]);
  });

  it("proposes namespaces and contexts", async () => {
    const answer = (args: readonly string[]): Answered =>
      args[1] === "namespaces"
        ? { stdout: "namespace/demo\nnamespace/shop\n" }
        : { stdout: "prod\nstaging\n" };
    expect(await values(["pending", "-n", "s"], { answer })).to.deep.equal(["shop", ":4"]);
    expect(await values(["pending", "--context", ""], { answer })).to.deep.equal(["prod", "staging", ":4"]);
  });

  it("proposes what records are selected by, as it was recorded", async () => {
    const spec = {
      agent: { username: "system:serviceaccount:ci:bot" },
      target: { group: "apps", resource: "deployments" },
    };
    const records = [{ spec }, { spec: { agent: { username: "eve" } } }, { spec: { kind: "gap" } }];
    expect(await values(["records", "--agent", "ci"], { records })).to.deep.equal(["ci/bot", "ci:bot", ":4"]);
    expect(await values(["records", "--agent=e"], { records })).to.deep.equal(["--agent=eve", ":4"]);
    expect(await values(["records", "--resource", ""], { records })).to.deep.equal([
      ...["deployments", "deployments.apps", ":4"],
    ]);
    expect(await values(["records", "--verdict", "d"])).to.deep.equal(["deny", ":4"]);
    expect(await values(["records", "--kind", "out"])).to.deep.equal(["outcome", ":4"]);
  });

  it("leaves files to the shell", async () => {
    expect(await completions(["pending", "--kubeconfig", ""])).to.equal(":0\n");
    expect(await completions(["check", "--agent-kubeconfig=a"])).to.equal(":0\n");
    expect(await completions(["run", "--", "hel"])).to.equal(":0\n");
  });

  it("asks kubectl how to go on with its own words", async () => {
    const answer = (args: readonly string[]): Answered =>
      args[0] === "__complete" ? { stdout: `${args.slice(1).join(" ")}\n:4\n` } : undefined;
    expect(await completions(["run", "--wait", "--", "kubectl", "get", "po"], { answer })).to.equal(
      "get po\n:4\n",
    );
  });

  it("says nothing where the cluster does not answer", async () => {
    const answer = (): Answered => ({ code: 1, stderr: "The connection to the server was refused" });
    expect(await completions(["approve", ""], { answer })).to.equal(":4\n");
    expect(await completions(["pending", "-n", ""], { answer })).to.equal(":4\n");
  });
});
