/** `secure-secrets` by kubectl, and by what Helm sends: as if it were any other resource. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { untilDocumented } from "../support/control-plane.ts";
import { type SecretsOf, secretsOf } from "../support/secure-secrets.ts";
import { startTestbed, type Testbed } from "../support/testbed.ts";

const VALUE = "correct-horse-battery-staple";
const NEXT = "another-value-altogether";
const base64 = (text: string) => Buffer.from(text).toString("base64");
const SSEC = "secure-secrets.hoop.dev";

describe("secure-secrets by kubectl", function () {
  this.timeout(120_000);
  let bed: Testbed;
  let shop: SecretsOf;
  let scratch: string;

  before(async function () {
    this.timeout(1_200_000);
    bed = await startTestbed({ settings: { hold: { maxWaitSeconds: 8 } } });
    await bed.must("human", ["create", "namespace", "shop"]);
    await untilDocumented(bed.controlPlane, "apis/hoop.dev/v1alpha1");
    shop = secretsOf(bed, "shop");
    scratch = await mkdtemp(join(tmpdir(), "hoop-secure-secrets-"));
  });
  after(async () => {
    await bed?.stop();
    await rm(scratch, { recursive: true, force: true });
  });

  const agent = (...args: string[]) => bed.must("agent", [...args, "-n", "shop"]);
  const seed = (name: string, more: object = {}) => shop.seed(name, { password: VALUE, user: "app" }, more);
  /** A view's manifest, as somebody keeps it in a file. */
  const manifest = (name: string, content: object, kind = "SecureSecret") => ({
    ...{ apiVersion: kind === "Secret" ? "v1" : "hoop.dev/v1alpha1", kind, type: "Opaque" },
    ...{ metadata: { name, namespace: "shop" }, ...content },
  });
  const piped = (object: object) => ({ input: JSON.stringify(object) });
  const file = async (object: object): Promise<string> => {
    const path = join(scratch, `${Math.random()}.json`);
    await writeFile(path, JSON.stringify(object));
    return path;
  };

  describe("get", () => {
    const listed = (...args: string[]) => bed.must("agent", ["get", "ssec", "-n", "lists", ...args]);

    before(async () => {
      await bed.must("human", ["create", "namespace", "lists"]);
      const lists = secretsOf(bed, "lists");
      const named = (name: string, tier: string) => ({
        metadata: { name, namespace: "lists", labels: { tier } },
      });
      await lists.seed("a", { password: VALUE, user: "app" }, named("a", "front"));
      await lists.seed("b", { token: VALUE }, { ...named("b", "back"), type: "example.com/token" });
    });

    const A = "securesecret.hoop.dev/a\n";
    const B = "securesecret.hoop.dev/b\n";
    const LISTS: readonly [string, string[], RegExp][] = [
      ["columns", [], /^NAME +TYPE +DATA +AGE\na +Opaque +2 +[\dms]+\nb +example.com\/token +1 +[\dms]+\n$/],
      ["names", ["-o", "name"], new RegExp(`^${A}${B}$`)],
      [
        "wide columns, and that a list reads no keys",
        ["-o", "wide"],
        /KEYS\na +Opaque +2 +[\dms]+ +<not read>\n/,
      ],
      ["a label as a column", ["-L", "tier"], /AGE +TIER\na .* front\nb .* back\n$/],
      ["labels", ["--show-labels"], / tier=back\n/],
      ["in the order of a field", ["--sort-by={.type}", "--no-headers"], /^a .*\nb /],
      ["in the order of a label", ["--sort-by={.metadata.labels.tier}", "--no-headers"], /^b .*\na /],
      ["what a label selects", ["-l", "tier=front", "-o", "name"], new RegExp(`^${A}$`)],
      [
        "what a type selects",
        ["--field-selector=type=example.com/token", "-o", "name"],
        new RegExp(`^${B}$`),
      ],
      ["columns of one's own", ["-o", "custom-columns=K:.sizes"], /\nmap\[token:up to 64 B\]\n$/],
      ["page by page", ["--chunk-size=1", "-o", "name"], new RegExp(`^${A}${B}$`)],
    ];
    for (const [name, args, expected] of LISTS)
      it(`lists ${name}`, async () => {
        expect(await listed(...args)).to.match(expected);
      });

    it("lists all namespaces", async () => {
      const everywhere = await bed.must("agent", ["get", "secure-secrets", "-A", "-l", "tier=back"]);
      expect(everywhere).to.match(/^NAMESPACE +NAME .*\nlists +b /);
    });

    it("shows the keys of one", async () => {
      expect(await listed("a", "-o", "wide")).to.match(/ password,user\n$/);
    });

    it("follows changes", async () => {
      const watch = ["get", "ssec", "-w", "--output-watch-events", "-l", "tier=seen", "-n", "shop"];
      const watching = bed.start("agent", watch);
      let told = "";
      watching.child.stdout.on("data", (chunk: Buffer) => {
        told += chunk.toString();
      });
      const saying = (wanted: RegExp) =>
        new Promise<void>((resolve) => {
          const look = () => wanted.test(told) && resolve();
          watching.child.stdout.on("data", look);
          look();
        });
      const labelled = { metadata: { name: "seen", namespace: "shop", labels: { tier: "seen" } } };
      await shop.seed("seen", { password: VALUE }, labelled);
      await saying(/ADDED +seen +Opaque +1 /);
      await bed.must("human", ["patch", "secret", "seen", "-n", "shop", "-p", '{"data":{"more":"YQ=="}}']);
      await saying(/MODIFIED +seen +Opaque +2 /);
      await bed.must("human", ["delete", "secret", "seen", "-n", "shop"]);
      await saying(/DELETED +seen /);
      watching.child.kill("SIGINT");
      await watching.ended;
    });
  });

  it("is described with its keys and roughly their sizes", async () => {
    await shop.seed("described", { "tls.crt": "x".repeat(900), empty: "", password: VALUE });
    const described = await agent("describe", "secure-secret", "described");
    expect(described).to.match(/Sizes:\n +Empty: +empty\n +Password: +up to 64 B\n +tls.crt: +up to 1 KiB\n/);
    expect(described).to.match(/\nType: +Opaque\n/);
    expect(described).not.to.contain(VALUE).and.not.to.contain(base64(VALUE));
  });

  it("is explained", async () => {
    expect(await bed.must("agent", ["explain", "secure-secret"])).to.match(
      /KIND: +SecureSecret[\s\S]*placeholder/,
    );
    expect(await bed.must("agent", ["explain", "secure-secret.data"])).to.contain(
      "sent back as it is, it keeps",
    );
  });

  it("has no delete of its own, and says so", async () => {
    await seed("kept");
    const { code, stderr } = await bed.kubectl("agent", ["delete", "ssec", "kept", "-n", "shop"]);
    expect(code).to.equal(1);
    expect(stderr).to.contain("(MethodNotAllowed): delete is not supported");
  });

  describe("edit", () => {
    /** `seen`: where what the editor was shown last is kept. */
    const edit = async (name: string, script: string, seen: string) => {
      const editor = join(scratch, `${name}.sh`);
      await writeFile(editor, `#!/bin/sh\ncp "$1" ${seen}\nsed -i '${script}' "$1"\n`, { mode: 0o755 });
      return [["edit", "secure-secret", name, "-n", "shop"], { env: { KUBE_EDITOR: editor } }] as const;
    };

    it("changes the one value that was changed, and keeps the others", async () => {
      await seed("edited");
      const { data = {} } = await shop.show("edited");
      const [args, options] = await edit("edited", `s/${data["user"]}/${base64(NEXT)}/`, "/dev/null");
      const { code, stdout, output } = await shop.approved("edited", args, options);
      expect(code, output).to.equal(0);
      expect(stdout).to.equal("securesecret.hoop.dev/edited edited\n");
      expect(await shop.real("edited")).to.deep.equal({ password: VALUE, user: NEXT });
    });

    it("refuses values that change places, and says which", async () => {
      await seed("swapped");
      const { data = {} } = await shop.show("swapped");
      const seen = join(scratch, "seen");
      const [args, options] = await edit("swapped", `s/${data["user"]}/${data["password"]}/`, seen);
      const { code, stderr } = await bed.kubectl("agent", args, options);
      expect(code).to.equal(1);
      expect(stderr).to.contain("Edit cancelled, no valid changes were saved");
      // kubectl opens the editor again, with what is wrong at the top.
      expect(await readFile(seen, "utf8")).to.match(
        /^# .*data\[user\]: Forbidden: a placeholder stands for the value of its own key/m,
      );
      expect(await shop.real("swapped")).to.deep.equal({ password: VALUE, user: "app" });
    });
  });

  describe("apply", () => {
    it("of what was read changes nothing, and waits for nobody", async () => {
      await seed("same");
      const read = await agent("get", "ssec", "same", "-o", "yaml");
      const applied = await bed.kubectl("agent", ["apply", "-f", "-"], { input: read });
      expect(applied.code, applied.output).to.equal(0);
      expect((await shop.show("same")).metadata.resourceVersion).to.equal(
        /resourceVersion: "(\d+)"/.exec(read)?.[1],
      );
      const replaced = await bed.kubectl("agent", ["replace", "-f", "-"], { input: read });
      expect(replaced.code, replaced.output).to.equal(0);
    });

    it("changes what was changed in what was read", async () => {
      await seed("changed");
      const { data = {} } = await shop.show("changed");
      const read = await agent("get", "ssec", "changed", "-o", "yaml");
      const wanted = read.replace(data["user"] ?? "?", base64(NEXT));
      const { code, output } = await shop.approved("changed", ["apply", "-f", "-"], { input: wanted });
      expect(code, output).to.equal(0);
      expect(await shop.real("changed")).to.deep.equal({ password: VALUE, user: NEXT });
      expect((await shop.show("changed")).metadata.annotations).to.deep.equal({ "hoop.dev/agent": "agent" });
    });

    it("of the same manifest again waits for nobody where values are placeholders", async () => {
      await seed("again");
      const path = await file(manifest("again", { data: (await shop.show("again")).data ?? {} }));
      for (const _ of [1, 2]) {
        const { code, output } = await bed.kubectl("agent", ["apply", "-f", path]);
        expect(code, output).to.equal(0);
      }
    });

    it("with server-side apply takes away what is no longer in the manifest", async () => {
      const apply = ["apply", "--server-side", "-f", "-"];
      const made = await shop.approved(
        "served",
        apply,
        piped(manifest("served", { data: { a: base64("1"), b: base64("2") } })),
      );
      expect(made.code, made.output).to.equal(0);
      const { data = {} } = await shop.show("served");
      const less = manifest("served", { data: { a: data["a"] } });
      const changed = await shop.approved("served", apply, piped(less));
      expect(changed.code, changed.output).to.equal(0);
      expect(await shop.real("served")).to.deep.equal({ a: "1" });
    });

    it("is tried out without a value being shown, and without being held", async () => {
      await seed("tried");
      const wanted = manifest("tried", { stringData: { password: NEXT } });
      for (const how of [["--dry-run=client"], ["--dry-run=server"], ["--dry-run=server", "--server-side"]]) {
        const { code, output } = await bed.kubectl(
          "agent",
          ["apply", "-f", "-", ...how, "-o", "yaml"],
          piped(wanted),
        );
        expect(code, output).to.equal(0);
        expect(output).not.to.contain(VALUE).and.not.to.contain(base64(VALUE));
        if (how.length === 2 || how[0] === "--dry-run=server")
          expect(output).to.contain("the real request would wait for a human (secret-change)");
      }
      expect(await shop.real("tried")).to.deep.equal({ password: VALUE, user: "app" });
    });
  });

  it("is compared with a manifest by diff", async () => {
    await seed("compared");
    const { data = {} } = await shop.show("compared");
    const same = await bed.kubectl("agent", ["diff", "-f", await file(manifest("compared", { data }))]);
    expect(same.code, same.output).to.equal(0);
    const other = manifest("compared", { data: { ...data, user: base64(NEXT) } });
    const differs = await bed.kubectl("agent", ["diff", "-f", await file(other)]);
    expect(differs.code, differs.output).to.equal(1);
    expect(differs.stdout)
      .to.match(/\n- {2}user: \S+\n\+ {2}user: \S+\n/)
      .and.not.to.match(/\n[-+] {2}password:/);
    expect(differs.output).not.to.contain(VALUE).and.not.to.contain(base64(VALUE));
  });

  const CHANGES: readonly [string, string[], Record<string, string>][] = [
    [
      "a merge patch",
      ["patch", SSEC, "x", "--type=merge", "-p", `{"stringData":{"password":"${NEXT}"}}`],
      { password: NEXT, user: "app" },
    ],
    [
      "a merge patch that takes a key away",
      ["patch", SSEC, "x", "--type=merge", "-p", '{"data":{"user":null}}'],
      { password: VALUE },
    ],
    [
      "a JSON patch",
      ["patch", SSEC, "x", "--type=json", "-p", '[{"op":"remove","path":"/data/user"}]'],
      { password: VALUE },
    ],
    ["label", ["label", SSEC, "x", "team=blue"], { password: VALUE, user: "app" }],
    ["annotate", ["annotate", SSEC, "x", "hoop.dev/reason=tidy"], { password: VALUE, user: "app" }],
  ];
  for (const [at, [name, args, expected]] of CHANGES.entries())
    it(`is changed by ${name}`, async () => {
      const secret = `by-command-${at}`;
      await seed(secret);
      const words = args.map((word) => (word === "x" ? secret : word));
      const { code, output } = await shop.approved(secret, [...words, "-n", "shop"]);
      expect(code, output).to.equal(0);
      expect(await shop.real(secret)).to.deep.equal(expected);
    });

  it("knows no strategic merge patch, and says so", async () => {
    await seed("strategic");
    const args = ["patch", "ssec", "strategic", "-n", "shop", "--type=strategic", "-p", "{}"];
    const { code, stderr } = await bed.kubectl("agent", args);
    expect(code).to.equal(1);
    expect(stderr).to.contain("application/strategic-merge-patch+json is not supported");
  });

  it("is waited for", async () => {
    await seed("waited");
    const wait = ["wait", "ssec/waited", "--timeout=300s", "--for"];
    expect(await agent(...wait, "jsonpath={.type}=Opaque")).to.contain("condition met");
    const blocked = bed.start("agent", [...wait, "jsonpath={.metadata.labels.state}=ready", "-n", "shop"]);
    await bed.must("human", ["label", "secret", "waited", "-n", "shop", "state=ready"]);
    expect(await blocked.ended).to.include({
      code: 0,
      stdout: "securesecret.hoop.dev/waited condition met\n",
    });
  });

  const VALIDATIONS: readonly [string, number, RegExp][] = [
    ["strict", 1, /unknown field "dta"/],
    ["warn", 0, /Warning: unknown field "dta"/],
    ["ignore", 0, /^(?![\s\S]*unknown field)/],
  ];
  for (const [validation, code, says] of VALIDATIONS)
    it(`tells of an unknown field as --validate=${validation} asks, and never what it holds`, async () => {
      const args = ["create", "-f", "-", `--validate=${validation}`, "--dry-run=server"];
      const wrong = manifest("wrong", { stringData: { a: NEXT }, dta: { a: VALUE } });
      const ended = await bed.kubectl("agent", args, piped(wrong));
      expect(ended.code, ended.output).to.equal(code);
      expect(ended.output).to.match(says).and.not.to.contain(VALUE).and.not.to.contain(NEXT);
    });

  describe("by Helm", () => {
    /**
     * What Helm sends for a kind that is not built into it: without server-side apply the merge patch that leads from
     * the old manifest to the new one, whatever is there now.
     */
    const upgrade = async (name: string, patch: object) =>
      shop.approved(name, ["patch", "ssec", name, "-n", "shop", "--type=merge", "-p", JSON.stringify(patch)]);

    it("is installed, and upgraded by the difference of two manifests", async () => {
      const values = { password: base64(VALUE), user: base64("app") };
      const made = await shop.approved(
        "chart",
        ["create", "-f", "-"],
        piped(manifest("chart", { data: values })),
      );
      expect(made.code, made.output).to.equal(0);
      // Between the two somebody else has added a key.
      await bed.must("human", [
        "patch",
        "secret",
        "chart",
        "-n",
        "shop",
        "-p",
        '{"stringData":{"more":"m"}}',
      ]);
      const { code, output } = await upgrade("chart", { data: { password: base64(NEXT), user: null } });
      expect(code, output).to.equal(0);
      expect(await shop.real("chart")).to.deep.equal({ password: NEXT, more: "m" });
    });

    it("is upgraded by server-side apply, in the name of the same manager", async () => {
      const apply = ["apply", "--server-side", "--field-manager=helm", "-f", "-"];
      const first = manifest("chart-served", { data: { password: base64(VALUE), user: base64("app") } });
      const second = manifest("chart-served", { data: { password: base64(NEXT) } });
      for (const one of [first, second]) {
        const { code, output } = await shop.approved("chart-served", apply, piped(one));
        expect(code, output).to.equal(0);
      }
      expect(await shop.real("chart-served")).to.deep.equal({ password: NEXT });
    });
  });
});
