/** Secrets as an agent works with them: with kubectl, against a real API server, and never a value in sight. */
import { expect } from "chai";
import { startTestbed, type Testbed } from "../support/testbed.ts";

const VALUE = "correct-horse-battery-staple";
const NEXT = "another-value-altogether";
const base64 = (text: string) => Buffer.from(text).toString("base64");
const PLACEHOLDER = /^\[masked:[\w-]{24}\.[\w-]{20}\]$/;

interface Shown {
  metadata: { name: string; uid: string; resourceVersion: string; annotations?: Record<string, string> };
  type: string;
  data: Record<string, string>;
  sizes: Record<string, string>;
}

describe("secure-secrets", function () {
  this.timeout(120_000);
  let bed: Testbed;

  before(async function () {
    this.timeout(1_200_000);
    bed = await startTestbed({ settings: { secrets: { reveal: [{ keys: ["ca.crt"] }] } } });
    await bed.must("human", ["create", "namespace", "shop"]);
  });
  after(() => bed?.stop());

  const secret = (name: string, data: Record<string, string>, more: object = {}) =>
    JSON.stringify({
      ...{ apiVersion: "v1", kind: "Secret", type: "Opaque", metadata: { name, namespace: "shop" } },
      ...{ stringData: data, ...more },
    });
  const seed = (name: string, data: Record<string, string> = { password: VALUE, user: "app" }, more = {}) =>
    bed.must("human", ["apply", "-f", "-"], { input: secret(name, data, more) });
  const show = async (name: string): Promise<Shown> =>
    JSON.parse(await bed.must("agent", ["get", "secure-secret", name, "-n", "shop", "-o", "json"]));
  const real = async (name: string): Promise<Record<string, string>> => {
    const text = await bed.must("human", ["get", "secret", name, "-n", "shop", "-o", "json"]);
    const { data = {} } = JSON.parse(text) as { data?: Record<string, string> };
    return Object.fromEntries(
      Object.entries(data).map(([key, value]) => [key, Buffer.from(value, "base64").toString()]),
    );
  };
  /** Runs the agent's command, which is held, and lets a person approve it. */
  const approved = async (name: string, args: string[], input?: string) => {
    const blocked = bed.start("agent", args, input);
    const approval = await bed.pending(name);
    await bed.decide(approval, "Approve");
    return { approval, ...(await blocked.ended) };
  };

  it("shows keys, types, labels and sizes, and placeholders for values", async () => {
    await seed("db");
    const shown = await show("db");
    expect(Object.keys(shown.data)).to.deep.equal(["password", "user"]);
    expect(Buffer.from(shown.data["password"] ?? "", "base64").toString()).to.match(PLACEHOLDER);
    expect(shown.sizes).to.deep.equal({ password: "up to 64 B", user: "up to 64 B" });
    expect(shown.metadata.annotations ?? {}).not.to.have.property(
      "kubectl.kubernetes.io/last-applied-configuration",
    );
    expect(await bed.must("agent", ["get", "ssec", "-n", "shop"])).to.match(
      /^NAME +TYPE +DATA +AGE\ndb +Opaque +2 +[\dms]+\n$/,
    );
  });

  it("is edited as it was shown: the placeholder keeps its value, another value takes its place once approved", async () => {
    await seed("edited");
    const { data, ...rest } = await show("edited");
    const wanted = { ...rest, data: { ...data, user: base64(NEXT) } };
    const { code, output, approval } = await approved(
      "edited",
      ["replace", "-f", "-"],
      JSON.stringify(wanted),
    );
    expect(code, output).to.equal(0);
    expect(await real("edited")).to.deep.equal({ password: VALUE, user: NEXT });
    expect(JSON.stringify(approval)).not.to.contain(base64(NEXT)).and.not.to.contain(NEXT);
    expect(approval.spec.target).to.include({ resource: "secrets", name: "edited" });
  });

  const PATCHES: readonly [string, string[]][] = [
    ["merge", ["--type=merge", "-p", JSON.stringify({ stringData: { password: NEXT } })]],
    [
      "JSON",
      ["--type=json", "-p", JSON.stringify([{ op: "replace", path: "/data/password", value: base64(NEXT) }])],
    ],
  ];
  for (const [name, args] of PATCHES) {
    it(`is patched by ${name} patch`, async () => {
      const one = `patched-${name.toLowerCase()}`;
      await seed(one);
      const { code, output } = await approved(one, ["patch", "secure-secret", one, "-n", "shop", ...args]);
      expect(code, output).to.equal(0);
      expect(await real(one)).to.deep.equal({ password: NEXT, user: "app" });
    });
  }

  it("is created, applied client-side and server-side", async () => {
    const manifest = (value: string) =>
      JSON.stringify({
        ...{ apiVersion: "hoop.dev/v1alpha1", kind: "SecureSecret", type: "Opaque" },
        ...{ metadata: { name: "made", namespace: "shop" }, stringData: { password: value } },
      });
    const created = await approved("made", ["create", "-f", "-"], manifest(VALUE));
    expect(created.code, created.output).to.equal(0);
    expect(await real("made")).to.deep.equal({ password: VALUE });
    const applied = await approved("made", ["apply", "-f", "-"], manifest(NEXT));
    expect(applied.code, applied.output).to.equal(0);
    expect(await real("made")).to.deep.equal({ password: NEXT });
    const served = await approved(
      "made",
      ["apply", "--server-side", "--force-conflicts", "-f", "-"],
      manifest("third-value"),
    );
    expect(served.code, served.output).to.equal(0);
    expect(await real("made")).to.deep.equal({ password: "third-value" });
  });

  it("is made by an apply, but not where somebody else has made it meanwhile: that is a change, and held as one", async () => {
    const manifest = JSON.stringify({
      ...{ apiVersion: "hoop.dev/v1alpha1", kind: "SecureSecret", type: "Opaque" },
      ...{ metadata: { name: "twice", namespace: "shop" }, stringData: { more: NEXT } },
    });
    const blocked = bed.start("agent", ["apply", "--server-side", "-f", "-"], manifest);
    const creation = await bed.pending("twice", "CREATE");
    await seed("twice");
    await bed.decide(creation, "Approve");
    await bed.decide(await bed.pending("twice", "UPDATE"), "Deny");
    const { code, output } = await blocked.ended;
    expect(code, output).to.equal(1);
    expect(await real("twice")).to.deep.equal({ password: VALUE, user: "app" });
  });

  it("reveals one value, once, when a person approves", async () => {
    await seed("revealed");
    const path = "/apis/hoop.dev/v1alpha1/namespaces/shop/secure-secrets/revealed/reveal";
    const ask = ["create", "--raw", path, "-f", "-"];
    const input = JSON.stringify({ apiVersion: "hoop.dev/v1alpha1", kind: "SecretReveal", key: "password" });
    const { code, stdout, output, approval } = await approved("revealed", ask, input);
    expect(code, output).to.equal(0);
    expect(JSON.parse(stdout).value).to.equal(base64(VALUE));
    expect(approval.spec.rules.map(({ name }) => name)).to.deep.equal(["secret-reveal"]);
  });
});
