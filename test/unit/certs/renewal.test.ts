import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { DAY } from "#certs/ca.ts";
import { type Certificates, servingCertificate } from "#certs/directory.ts";
import { serviceNames } from "#certs/leaf.ts";
import { renewed } from "#certs/renewal.ts";

describe("certificates of a running server", () => {
  let directory: string;
  const load = (now?: number) =>
    servingCertificate(directory, serviceNames("hoop", "hoop-system"), now === undefined ? {} : { now });

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "hoop-certs-"));
  });

  afterEach(() => rm(directory, { recursive: true, force: true }));

  const look = async (current: Certificates, next: () => Promise<Certificates>) => {
    const applied: [Certificates, Certificates][] = [];
    const inUse = await renewed(current, {
      load: next,
      apply: async (now, before) => void applied.push([now, before]),
      failed: () => {},
    });
    return { applied, inUse };
  };

  it("are left alone while they are good", async () => {
    const first = await load();
    expect((await look(first, load)).applied).to.deep.equal([]);
  });

  it("are replaced when they run out", async () => {
    const first = await load();
    const { applied, inUse } = await look(first, () => load(Date.now() + 350 * DAY));
    expect(applied).to.have.length(1);
    expect(inUse.certificate).to.not.equal(first.certificate);
    expect(inUse.caBundle).to.equal(first.caBundle);
  });

  it("are replaced when somebody replaces the files, CA and all", async () => {
    const first = await load();
    for (const name of ["ca", "tls"])
      for (const kind of ["crt", "key"]) await rm(join(directory, `${name}.${kind}`));
    const { applied, inUse } = await look(first, load);
    expect(applied[0]?.[1]).to.equal(first);
    expect(inUse.caBundle).to.not.equal(first.caBundle);
    expect(inUse.clientAuthority).to.equal(first.clientAuthority);
  });

  it("stay in use where the new ones could not be put into effect", async () => {
    const first = await load();
    const failing = renewed(first, {
      load: () => load(Date.now() + 350 * DAY),
      apply: () => Promise.reject(new Error("no")),
      failed: () => {},
    });
    expect(await failing.catch((error: Error) => error.message)).to.equal("no");
  });

  describe("that somebody else mounts", () => {
    const keep = (names: readonly string[]) =>
      Promise.all(
        ["ca.key", "client-ca.key", "client.key", ...names].map((name) => rm(join(directory, name))),
      );

    it("are read, watched, and never written", async () => {
      const issued = await load();
      await keep([]);
      await chmod(directory, 0o500);
      const mounted = await load(Date.now() + 350 * DAY);
      expect(mounted.written).to.deep.equal([]);
      expect(mounted.certificate).to.equal(issued.certificate);
      expect(mounted.client.commonName).to.equal("hoop-webhook-client");
      await chmod(directory, 0o700);
    });

    it("must be complete", async () => {
      await load();
      await keep(["client-ca.crt"]);
      const error = await load().catch((problem: Error) => problem.message);
      expect(error).to.contain("client-ca.crt");
    });
  });
});
