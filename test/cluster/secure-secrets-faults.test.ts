/** Odd Secrets, and a cluster that fails: `secure-secrets` answers right, or says what is wrong without a value in it. */
import { expect } from "chai";
import { parse } from "yaml";
import { asUserOf, type Call, type Caller, type Reply } from "../support/raw.ts";
import { type SecretsOf, type Shown, secretsOf } from "../support/secure-secrets.ts";
import { startTestbed, type Testbed } from "../support/testbed.ts";

const VALUE = "correct-horse-battery-staple";
const NEXT = "another-value-altogether";
const base64 = (value: string | Uint8Array) => Buffer.from(value).toString("base64");
const ROOT = "/apis/hoop.dev/v1alpha1/namespaces/shop/secure-secrets";
const MERGE = "application/merge-patch+json";

describe("secure-secrets where something is odd or fails", function () {
  this.timeout(120_000);
  let bed: Testbed;
  let shop: SecretsOf;
  let agent: Caller;
  let person: Caller;

  before(async function () {
    this.timeout(1_200_000);
    bed = await startTestbed();
    await bed.must("human", ["create", "namespace", "shop"]);
    shop = secretsOf(bed, "shop");
    agent = await asUserOf(bed.kubeconfig("agent"));
    person = await asUserOf(bed.kubeconfig("human"));
  });
  after(() => bed?.stop());

  const manifest = (name: string, content: object, namespace = "shop") => ({
    ...{ apiVersion: "hoop.dev/v1alpha1", kind: "SecureSecret", type: "Opaque" },
    ...{ metadata: { name, namespace }, ...content },
  });
  /** A Secret made by a person, with these values in base64. */
  const made = async (name: string, data: Record<string, string>, more: object = {}) => {
    const body = { apiVersion: "v1", kind: "Secret", metadata: { name }, type: "Opaque", data, ...more };
    const { code, text } = await person({ method: "POST", path: "/api/v1/namespaces/shop/secrets", body });
    if (code !== 201) throw new Error(text);
  };
  const dataOf = async (name: string): Promise<Record<string, string>> => {
    const { text } = await person({ path: `/api/v1/namespaces/shop/secrets/${name}` });
    return (JSON.parse(text) as { data?: Record<string, string> }).data ?? {};
  };
  const patch = (name: string, body: object): Call => ({
    method: "PATCH",
    path: `${ROOT}/${name}`,
    type: MERGE,
    body,
  });
  /** The agent's request, which a person lets through while it waits. */
  const approved = async (name: string, call: Call): Promise<Reply> => {
    const answer = agent(call);
    await bed.decide(await bed.pending(name), "Approve");
    return answer;
  };
  const shown = async (name: string) => JSON.parse((await agent({ path: `${ROOT}/${name}` })).text) as Shown;
  const messageOf = ({ text }: Reply) => (JSON.parse(text) as { message: string }).message;

  describe("a Secret", () => {
    it("of 1 MiB is shown as small as any, keeps its value, and gives way to another", async () => {
      const huge = base64("v".repeat(1024 * 1024 - 16));
      await made("huge", { huge });
      const { data = {}, sizes = {} } = await shown("huge");
      expect(sizes).to.deep.equal({ huge: "up to 1 MiB" });
      expect(data["huge"]?.length).to.be.below(100);
      const labelled = await approved("huge", patch("huge", { metadata: { labels: { a: "b" } } }));
      expect(labelled.code, labelled.text.slice(0, 500)).to.equal(200);
      expect(await dataOf("huge")).to.deep.equal({ huge });
      // By its size as it is shown there is no room; how much there really is, is not told.
      const more = await agent(patch("huge", { stringData: { b: "1" } }));
      expect(more.code, more.text).to.equal(422);
      const replaced = await approved("huge", patch("huge", { stringData: { huge: NEXT } }));
      expect(replaced.code, replaced.text).to.equal(200);
      expect(await dataOf("huge")).to.deep.equal({ huge: base64(NEXT) });
    });

    it("is refused where it would be larger than a Secret can be", async () => {
      const body = manifest("larger", { data: { a: base64("v".repeat(1024 * 1024 + 1)) } });
      const { code, text } = await agent({ method: "POST", path: ROOT, body });
      expect(code, text).to.equal(422);
      expect(text.length).to.be.below(2000);
    });

    it("with any bytes in it keeps them through an edit", async () => {
      const bytes = base64(Uint8Array.from({ length: 512 }, (_, at) => at % 256));
      await made("binary", { bytes, invalid: base64(Uint8Array.of(0xc3, 0x28, 0xff, 0)), b: base64("1") });
      const before = await dataOf("binary");
      const { code, text } = await approved("binary", patch("binary", { data: { b: base64("2") } }));
      expect(code, text).to.equal(200);
      expect(await dataOf("binary")).to.deep.equal({ ...before, b: base64("2") });
    });

    it("of 5,000 keys is shown, listed and edited", async () => {
      const keys = Array.from({ length: 5000 }, (_, at) => [`key-${at}`, base64(`${VALUE}-${at}`)] as const);
      await made("many", Object.fromEntries(keys));
      const { data = {} } = await shown("many");
      expect(Object.keys(data)).to.have.length(5000);
      expect(new Set(Object.values(data)).size).to.equal(5000);
      expect(await bed.must("agent", ["get", "ssec", "many", "-n", "shop"])).to.match(/many +Opaque +5000 /);
      const { code, text } = await approved(
        "many",
        patch("many", { data: { "key-7": base64(NEXT), "key-8": null } }),
      );
      expect(code, text.slice(0, 500)).to.equal(200);
      const { "key-8": _, ...kept } = Object.fromEntries(keys);
      expect(await dataOf("many")).to.deep.equal({ ...kept, "key-7": base64(NEXT) });
    });

    it("without data is shown, and filled", async () => {
      await made("empty", {});
      expect(await bed.must("agent", ["get", "ssec", "empty", "-n", "shop"])).to.match(/empty +Opaque +0 /);
      expect((await shown("empty")).data ?? {}).to.deep.equal({});
      const { code, text } = await approved("empty", patch("empty", { stringData: { a: NEXT } }));
      expect(code, text).to.equal(200);
      expect(await dataOf("empty")).to.deep.equal({ a: base64(NEXT) });
    });

    it("with an empty value is shown, and keeps it", async () => {
      await made("blank", { blank: "", b: base64("1") });
      expect((await shown("blank")).sizes).to.deep.equal({ b: "up to 64 B", blank: "empty" });
      const { code, text } = await approved("blank", patch("blank", { data: { b: base64("2") } }));
      expect(code, text).to.equal(200);
      expect(await dataOf("blank")).to.deep.equal({ blank: "", b: base64("2") });
    });

    const FROZEN: readonly [string, object][] = [
      ["another value", { stringData: { a: NEXT } }],
      ["the value it has", { stringData: { a: VALUE } }],
      ["one key less", { data: { a: null } }],
      ["one key more", { stringData: { c: NEXT } }],
      ["being changeable again", { immutable: null }],
    ];
    for (const [at, [name, change]] of FROZEN.entries())
      it(`that is immutable refuses ${name} without asking anybody`, async () => {
        await made(`frozen-${at}`, { a: base64(VALUE), b: base64("1") }, { immutable: true });
        const refused = await agent(patch(`frozen-${at}`, change));
        expect(refused.code, refused.text).to.equal(422);
        expect(messageOf(refused)).to.contain("field is immutable when `immutable` is set");
        expect(refused.text).not.to.contain(VALUE).and.not.to.contain(NEXT);
      });

    it("that is immutable takes a label", async () => {
      await made("frozen", { a: base64(VALUE) }, { immutable: true });
      const { code, text } = await approved("frozen", patch("frozen", { metadata: { labels: { a: "b" } } }));
      expect(code, text).to.equal(200);
    });
  });

  describe("a type with keys of its own", () => {
    const INVALID: readonly [string, string, Record<string, string>, string][] = [
      ["a TLS Secret without its key", "kubernetes.io/tls", { "tls.crt": VALUE }, "data[tls.key]"],
      [
        "a Docker configuration that is none",
        "kubernetes.io/dockerconfigjson",
        { ".dockerconfigjson": `{"auths":"${VALUE}` },
        "data[.dockerconfigjson]",
      ],
      [
        "an old Docker configuration that is none",
        "kubernetes.io/dockercfg",
        { ".dockercfg": VALUE },
        "data[.dockercfg]",
      ],
      ["an SSH key under another name", "kubernetes.io/ssh-auth", { key: VALUE }, "data[ssh-privatekey]"],
      ["credentials without any", "kubernetes.io/basic-auth", { token: VALUE }, "data[username]"],
    ];
    for (const [at, [name, type, stringData, field]] of INVALID.entries())
      it(`is refused as ${name}, by its field and not by what it holds`, async () => {
        const secret = `typed-${at}`;
        const call = { method: "POST", path: ROOT, body: manifest(secret, { type, stringData }) };
        const first = agent(call);
        // What Hoop itself does not see to, the API server says once it is approved.
        const decided = bed.pending(secret).then(
          (approval) => bed.decide(approval, "Approve"),
          () => undefined,
        );
        const refused = await first;
        expect(refused.code, refused.text).to.equal(422);
        expect(messageOf(refused)).to.contain(field);
        expect(refused.text).not.to.contain(VALUE).and.not.to.contain(base64(VALUE));
        void decided;
      });

    it("of a Docker configuration is not broken by an edit, and what was sent is not repeated", async () => {
      const auths = JSON.stringify({ auths: { "registry.example.com": { auth: base64(`u:${VALUE}`) } } });
      await made("pull", { ".dockerconfigjson": base64(auths) }, { type: "kubernetes.io/dockerconfigjson" });
      const wrong = { stringData: { ".dockerconfigjson": `{"auths": ${NEXT}` } };
      const refused = await approved("pull", patch("pull", wrong));
      expect(refused.code, refused.text).to.equal(422);
      expect(messageOf(refused)).to.contain("data[.dockerconfigjson]");
      expect(refused.text).not.to.contain(NEXT.slice(0, 6)).and.not.to.contain("auths");
      expect(await dataOf("pull")).to.deep.equal({ ".dockerconfigjson": base64(auths) });
    });
  });

  describe("a cluster", () => {
    it("whose namespace is going refuses a new Secret, and says so", async () => {
      await bed.must("human", ["create", "namespace", "going"]);
      const kept = {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name: "kept", namespace: "going", finalizers: ["example.com/kept"] },
      };
      await bed.must("human", ["create", "-f", "-"], { input: JSON.stringify(kept) });
      await bed.must("human", ["delete", "namespace", "going", "--wait=false"]);
      const path = "/apis/hoop.dev/v1alpha1/namespaces/going/secure-secrets";
      const refused = await agent({
        method: "POST",
        path,
        body: manifest("late", { stringData: { a: VALUE } }, "going"),
      });
      expect(refused.code, refused.text).to.equal(403);
      expect(refused.text).to.contain("being terminated").and.not.to.contain(VALUE);
    });

    it("without the namespace says NotFound", async () => {
      const path = "/apis/hoop.dev/v1alpha1/namespaces/nowhere/secure-secrets";
      const refused = await agent({
        method: "POST",
        path,
        body: manifest("x", { stringData: { a: VALUE } }, "nowhere"),
      });
      expect(refused.code, refused.text).to.equal(404);
    });

    it("with two editors at once tells the later one to read again", async () => {
      await shop.seed("both", { a: VALUE, b: "1" });
      const [first, second] = [await shown("both"), await shown("both")];
      const put = (name: string, view: Shown, data: Record<string, string>): Call => ({
        ...{ method: "PUT", path: `${ROOT}/${name}`, body: { ...view, data: { ...view.data, ...data } } },
      });
      const done = await approved("both", put("both", first, { b: base64("2") }));
      expect(done.code, done.text).to.equal(200);
      const late = await agent(put("both", second, { a: base64(NEXT) }));
      expect(late.code, late.text).to.equal(409);
      expect(messageOf(late)).to.contain("the object has been modified");
      const stale = await agent(patch("both", { data: { b: second.data?.["b"] } }));
      expect(stale.code, stale.text).to.equal(409);
      expect(messageOf(stale)).to.contain("the placeholder of b is not of the value that is there now");
      expect(late.text + stale.text)
        .not.to.contain(VALUE)
        .and.not.to.contain(NEXT);
    });

    it("where somebody changes something else while it waits: what was approved is done all the same", async () => {
      await shop.seed("meanwhile", { a: VALUE, b: "1" });
      const answer = agent(patch("meanwhile", { stringData: { b: "2" } }));
      const approval = await bed.pending("meanwhile");
      await bed.must("human", ["label", "secret", "meanwhile", "-n", "shop", "seen=yes"]);
      await bed.decide(approval, "Approve");
      const { code, text } = await answer;
      expect(code, text).to.equal(200);
      expect(await shop.real("meanwhile")).to.deep.equal({ a: VALUE, b: "2" });
      const used = (await bed.approvals("shop")).filter(({ spec }) => spec.target.name === "meanwhile");
      expect(used.map(({ status }) => status.phase)).to.deep.equal(["Used"]);
    });

    it("where somebody changes the very value while it waits: it is not overwritten unseen", async () => {
      await shop.seed("raced", { a: VALUE });
      const view = await shown("raced");
      const body = { ...view, data: { a: base64(NEXT) } };
      const answer = agent({ method: "PUT", path: `${ROOT}/raced`, body });
      const approval = await bed.pending("raced");
      await shop.seed("raced", { a: "set-by-a-person" });
      await bed.decide(approval, "Approve");
      const { code, text } = await answer;
      expect(code, text).to.be.oneOf([403, 409]);
      expect(text).not.to.contain(NEXT).and.not.to.contain("set-by-a-person");
      expect(await shop.real("raced")).to.deep.equal({ a: "set-by-a-person" });
    });

    it("with a policy whose message prints the values keeps them from the agent", async () => {
      const rules = [
        { apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE", "UPDATE"], resources: ["secrets"] },
      ];
      const printed =
        "object.data.map(k, k + '=' + object.data[k]).join(';') + ' first ' + object.data.a.substring(0, 12)";
      const policy = {
        ...{ apiVersion: "admissionregistration.k8s.io/v1", kind: "ValidatingAdmissionPolicy" },
        metadata: { name: "chatty.example.com" },
        spec: {
          matchConstraints: { resourceRules: rules, objectSelector: { matchLabels: { chatty: "yes" } } },
          validations: [
            { expression: "!has(object.data) || !('b' in object.data)", messageExpression: printed },
          ],
        },
      };
      const binding = {
        ...{ apiVersion: "admissionregistration.k8s.io/v1", kind: "ValidatingAdmissionPolicyBinding" },
        metadata: { name: "chatty.example.com" },
        spec: { policyName: "chatty.example.com", validationActions: ["Deny", "Warn"] },
      };
      await bed.apply([policy, { ...binding, spec: { ...binding.spec, validationActions: ["Deny"] } }]);
      const labels = { metadata: { name: "chatty", namespace: "shop", labels: { chatty: "yes" } } };
      await shop.seed("chatty", { a: VALUE }, labels);
      await untilRefused(
        () =>
          bed.kubectl("human", [
            "patch",
            "secret",
            "chatty",
            "-n",
            "shop",
            "--dry-run=server",
            "-p",
            '{"stringData":{"b":"1"}}',
          ]),
        "denied request: b=",
      );
      const refused = await approved("chatty", patch("chatty", { stringData: { b: NEXT } }));
      const tried = await agent({
        ...patch("chatty", { stringData: { b: NEXT } }),
        path: `${ROOT}/chatty?dryRun=All`,
      });
      const served = await agent({
        ...{
          method: "PATCH",
          path: `${ROOT}/chatty?fieldManager=me&dryRun=All`,
          type: "application/apply-patch+yaml",
        },
        body: manifest("chatty", { stringData: { b: NEXT } }),
      });
      for (const { code, text } of [refused, tried, served]) {
        expect(code, text).to.be.oneOf([403, 422]);
        expect(text).to.contain("ValidatingAdmissionPolicy 'chatty.example.com'");
        for (const value of [VALUE, NEXT])
          expect(text).not.to.contain(value.slice(0, 6)).and.not.to.contain(base64(value).slice(0, 8));
      }
      expect(await shop.real("chatty")).to.deep.equal({ a: VALUE });
    });

    it("that lets Hoop touch no Secrets says whose right is missing", async () => {
      await shop.seed("unseen", { a: VALUE });
      const role = parse(await bed.must("human", ["get", "clusterrole", "hoop", "-o", "yaml"])) as {
        rules: { resources?: string[] }[];
      };
      const rules = role.rules.filter(({ resources = [] }) => !resources.includes("secrets"));
      const changed = (all: object[]) =>
        bed.must("human", [
          "patch",
          "clusterrole",
          "hoop",
          "--type=merge",
          "-p",
          JSON.stringify({ rules: all }),
        ]);
      await changed(rules);
      try {
        await untilRefused(
          () => bed.kubectl("agent", ["get", "ssec", "unseen", "-n", "shop"]),
          "ServiceAccount",
        );
        for (const args of [
          ["get", "ssec"],
          ["get", "ssec", "unseen"],
          ["get", "ssec", "-w"],
          ["label", "ssec", "unseen", "a=b"],
        ]) {
          const { code, output } = await bed.kubectl("agent", [...args, "-n", "shop"]);
          expect(code, output).to.equal(1);
          expect(output, args.join(" ")).to.contain("Hoop's own ServiceAccount may not read Secrets here");
        }
      } finally {
        await changed(role.rules);
      }
      await untilDone(() => bed.kubectl("agent", ["get", "ssec", "unseen", "-n", "shop"]));
    });
  });
});

type Attempt = () => Promise<{ code: number; output: string }>;

/** What people write takes a moment until the API server goes by it. */
async function untilRefused(attempt: Attempt, words: string): Promise<void> {
  await until(attempt, ({ code, output }) => code !== 0 && output.includes(words));
}

async function untilDone(attempt: Attempt): Promise<void> {
  await until(attempt, ({ code }) => code === 0);
}

async function until(
  attempt: Attempt,
  fits: (ended: Awaited<ReturnType<Attempt>>) => boolean,
): Promise<void> {
  let last = "";
  for (let tries = 0; tries < 1000; tries++) {
    const ended = await attempt();
    if (fits(ended)) return;
    last = ended.output;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(last);
}
