import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { DAY } from "#certs/ca.ts";
import { type Certificates, servingCertificate } from "#certs/directory.ts";
import { serviceNames } from "#certs/leaf.ts";
import { keepRenewed, renewed } from "#certs/renewal.ts";

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
    const renewal = {
      load: next,
      apply: async (now: Certificates, before: Certificates) => void applied.push([now, before]),
      failed: () => {},
    };
    const inUse = await renewed(current, renewal, new AbortController().signal);
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
    const renewal = {
      load: () => load(Date.now() + 350 * DAY),
      apply: () => Promise.reject(new Error("no")),
      failed: () => {},
    };
    const failing = renewed(first, renewal, new AbortController().signal);
    expect(await failing.catch((error: Error) => error.message)).to.equal("no");
  });

  it("are looked at when somebody asks, however often, and no more after the end", async () => {
    const first = await load();
    let looks = 0;
    let looked = Promise.withResolvers<void>();
    const renewing = keepRenewed(first, {
      load: async () => {
        looks += 1;
        looked.resolve();
        if (looks === 2) throw new Error("cannot be read just now");
        return first;
      },
      apply: () => Promise.reject(new Error("nothing has changed")),
      failed: () => {},
    });
    for (let time = 1; time <= 3; time++) {
      looked = Promise.withResolvers<void>();
      renewing.look();
      await looked.promise;
    }
    await renewing.stop();
    expect(looks).to.equal(3);
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
