import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { expect } from "chai";
import { claim, claimant, release } from "#controlplane/claim.ts";
import { claimPort, releasePort } from "#controlplane/ports.ts";
import { processIdentity } from "#controlplane/process-identity.ts";

describe("a claim", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "hoop-kubernetes-test-"));
  });
  after(() => rm(folder, { recursive: true }));

  it("of a living process is refused, also to that process, until it is given up", async () => {
    const path = join(folder, "living");
    expect(await claim(path)).to.equal(true);
    expect(await claimant(path)).to.equal(process.pid);
    expect(await claim(path)).to.equal(false);
    await release(path);
    expect(await claim(path)).to.equal(true);
  });

  it("of another living process is not given up by us", async () => {
    const path = join(folder, "parent");
    await writeFile(path, processIdentity(process.ppid) ?? "");
    await release(path);
    expect(await claim(path)).to.equal(false);
  });

  for (const [whose, content] of Object.entries({
    "a process that ended": "999999999 1",
    "a process whose pid another one has by now": `${process.ppid} 1`,
    nobody: "",
  }))
    it(`of ${whose} is taken over, by one of many who try at once`, async () => {
      const path = join(folder, whose.replaceAll(" ", "-"));
      await writeFile(path, content);
      const won = await Promise.all(Array.from({ length: 20 }, () => claim(path)));
      expect(won.filter(Boolean)).to.have.length(1);
      expect(await claimant(path)).to.equal(process.pid);
      expect((await readdir(folder)).filter((name) => name.startsWith(`${basename(path)}.`))).to.deep.equal(
        [],
      );
    });
});

describe("ports", () => {
  it("are never given twice, and are free", async () => {
    const ports = await Promise.all(Array.from({ length: 20 }, () => claimPort()));
    expect(new Set(ports).size).to.equal(ports.length);
    await Promise.all(ports.map(releasePort));
  });

  it("that somebody listens on are not given, though asked for", async () => {
    const server = createServer();
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    const address = server.address();
    const taken = typeof address === "object" && address !== null ? address.port : 0;
    const port = await claimPort(taken);
    expect(port).not.to.equal(taken);
    await releasePort(port);
    server.close();
  });
});
