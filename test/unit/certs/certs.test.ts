import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import tls from "node:tls";
import { expect } from "chai";
import { createAuthority, DAY, hasIssued } from "#certs/ca.ts";
import { servingCertificate } from "#certs/directory.ts";
import { issueClient, issueServing, serviceNames } from "#certs/leaf.ts";

const names = serviceNames("hoop", "hoop-system", true);

describe("certificates", function () {
  this.timeout(20_000);
  const authority = createAuthority("test CA");
  const other = createAuthority("another CA");
  const serving = issueServing(authority, names, 30);
  const client = issueClient(authority, "kube-apiserver", ["one", "two"], 30);

  it("a CA is one, signs itself, and is valid from five minutes ago", () => {
    const ca = new X509Certificate(authority.certificate);
    expect(ca.ca).to.equal(true);
    expect(ca.verify(ca.publicKey)).to.equal(true);
    expect(ca.validFromDate.getTime()).to.be.at.most(Date.now() - 5 * 60_000);
    expect(ca.serialNumber).to.match(/^[4-7][0-9A-F]{31}$/);
  });

  it("a serving certificate carries its names and is no CA", () => {
    const leaf = new X509Certificate(serving.certificate);
    expect(leaf.subjectAltName).to.equal("DNS:hoop.hoop-system.svc, DNS:localhost, IP Address:127.0.0.1");
    expect(leaf.ca).to.equal(false);
    expect(leaf.keyUsage).to.deep.equal(["1.3.6.1.5.5.7.3.1"]);
    expect(hasIssued(authority.certificate, serving.certificate)).to.equal(true);
    expect(hasIssued(other.certificate, serving.certificate)).to.equal(false);
  });

  it("a client certificate names its user and groups and cannot serve", () => {
    const leaf = new X509Certificate(client.certificate);
    expect(leaf.subject).to.equal("O=one\nO=two\nCN=kube-apiserver");
    expect(leaf.keyUsage).to.deep.equal(["1.3.6.1.5.5.7.3.2"]);
  });

  it("no certificate outlives its CA", () => {
    const short = createAuthority("short", 1 / 365);
    const leaf = new X509Certificate(issueServing(short, names, 400).certificate);
    expect(leaf.validToDate.getTime()).to.equal(new X509Certificate(short.certificate).validToDate.getTime());
  });

  it("names that are none are refused", () => {
    expect(() => issueServing(authority, { dns: [], ips: ["localhost"] }, 1)).to.throw("not an IP address");
    expect(() => issueServing(authority, { dns: [], ips: [] }, 1)).to.throw("at least one name");
  });

  const callers = {
    "the right client certificate is accepted": { pair: client, accepted: true },
    "a serving certificate of the same CA is refused as a client": { pair: serving, accepted: false },
    "a client certificate of another CA is refused": {
      pair: issueClient(other, "kube-apiserver", [], 30),
      accepted: false,
    },
  };
  for (const [name, c] of Object.entries(callers)) {
    it(`in a TLS handshake ${name}`, async () => {
      expect(await handshake(c.pair)).to.equal(c.accepted);
    });
  }

  /** Whether a server that asks for client certificates of `authority` accepts this one. */
  async function handshake(pair: { certificate: string; key: string }): Promise<boolean> {
    const server = tls.createServer({
      cert: serving.certificate,
      key: serving.key,
      ca: authority.certificate,
      requestCert: true,
      rejectUnauthorized: false,
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const accepted = once(server, "secureConnection").then(([socket]: tls.TLSSocket[]) => socket?.authorized);
    const socket = tls.connect({
      host: "127.0.0.1",
      port,
      servername: "hoop.hoop-system.svc",
      ca: authority.certificate,
      cert: pair.certificate,
      key: pair.key,
    });
    await once(socket, "secureConnect");
    try {
      return (await accepted) === true;
    } finally {
      socket.destroy();
      server.close();
    }
  }
});

describe("the certificate directory", function () {
  this.timeout(30_000);
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "certs-"));
  });
  after(() => rm(directory, { recursive: true }));

  it("is filled at first, keys for their owner alone", async () => {
    const made = await servingCertificate(join(directory, "a"), names);
    expect(made.written).to.deep.equal(["ca.crt", "tls.crt", "client-ca.crt", "client.crt"]);
    expect((await readdir(join(directory, "a"))).sort()).to.deep.equal(
      ["ca", "client-ca", "client", "tls"].flatMap((name) => [`${name}.crt`, `${name}.key`]),
    );
    for (const name of ["ca", "tls", "client", "client-ca"]) {
      expect((await stat(join(directory, "a", `${name}.key`))).mode & 0o777).to.equal(0o600);
    }
    expect(hasIssued(made.caBundle, made.certificate)).to.equal(true);
    expect(hasIssued(made.clientAuthority, made.client.certificate)).to.equal(true);
    expect(hasIssued(made.clientAuthority, made.certificate)).to.equal(false);
  });

  it("is left alone the second time", async () => {
    const first = await servingCertificate(join(directory, "a"), names);
    const again = await servingCertificate(join(directory, "a"), names);
    expect(again).to.deep.equal(first);
    expect(again.written).to.deep.equal([]);
  });

  it("a name that is new gets a certificate under the same key and CA", async () => {
    const first = await servingCertificate(join(directory, "a"), names);
    const wider = { dns: [...names.dns, "hoop.example"], ips: names.ips };
    const again = await servingCertificate(join(directory, "a"), wider);
    expect(again.written).to.deep.equal(["tls.crt"]);
    expect(again.key).to.equal(first.key);
    expect(again.caBundle).to.equal(first.caBundle);
    expect(new X509Certificate(again.certificate).checkHost("hoop.example")).to.equal("hoop.example");
  });

  it("what runs out within a month is issued anew, the CA only when its own time comes", async () => {
    const first = await servingCertificate(join(directory, "b"), names);
    const nearly = await servingCertificate(join(directory, "b"), names, { now: Date.now() + 340 * DAY });
    expect(nearly.written).to.deep.equal(["tls.crt", "client.crt"]);
    const late = await servingCertificate(join(directory, "b"), names, { now: Date.now() + 3640 * DAY });
    expect(late.written).to.include.members(["ca.crt", "client-ca.crt"]);
    expect(hasIssued(late.caBundle, first.certificate), "what the old one signed stays valid").to.equal(true);
  });

  it("an interrupted first start is completed: a key without its certificate gets one", async () => {
    const first = await servingCertificate(join(directory, "c"), names);
    await rm(join(directory, "c", "tls.crt"));
    const again = await servingCertificate(join(directory, "c"), names);
    expect(again.written).to.deep.equal(["tls.crt"]);
    expect(again.key).to.equal(first.key);
  });

  const broken: Record<string, { damage: (at: string) => Promise<void>; says: string }> = {
    "a certificate that is none": {
      damage: (at) => writeFile(join(at, "tls.crt"), "-----BEGIN NOTHING-----"),
      says: "tls.crt holds no readable certificate",
    },
    "a key that is none": {
      damage: (at) => writeFile(join(at, "ca.key"), ""),
      says: "ca.key holds no readable private key",
    },
    "a key that is gone": { damage: (at) => rm(join(at, "tls.key")), says: "tls.key is missing" },
    "a key of another certificate": {
      damage: async (at) => writeFile(join(at, "tls.key"), await readFile(join(at, "client.key"))),
      says: "tls.crt does not belong to the private key beside it",
    },
    "a CA that was replaced": {
      damage: async (at) => {
        const { certificate, key } = createAuthority("hoop serving CA");
        await writeFile(join(at, "ca.crt"), certificate);
        await writeFile(join(at, "ca.key"), key);
      },
      says: "tls.crt was not issued by this directory's CA",
    },
  };
  for (const [name, c] of Object.entries(broken)) {
    it(`${name} is an error and stays as it is`, async () => {
      const at = await mkdtemp(join(directory, "broken-"));
      await servingCertificate(at, names);
      await c.damage(at);
      const before = await contents(at);
      const outcome = await servingCertificate(at, names).then(
        () => "no error",
        (error: Error) => error.message,
      );
      expect(outcome).to.include(c.says);
      expect(await contents(at)).to.deep.equal(before);
    });
  }

  async function contents(at: string): Promise<string[]> {
    const files = (await readdir(at)).sort();
    return Promise.all(files.map(async (file) => `${file} ${await readFile(join(at, file), "utf8")}`));
  }
});
