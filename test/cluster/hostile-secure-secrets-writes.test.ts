/** Nobody writes a Secret, or has a value revealed, by an approval of something else, as an identity, or by Hoop's own rights. */
import { expect } from "chai";
import { namespaced } from "../support/objects.ts";
import { asUserOf, type Call, verdictOf } from "../support/raw.ts";
import {
  apply,
  base64,
  create,
  merge,
  reveal,
  type SecretsBed,
  startSecretsBed,
  VALUE,
} from "../support/secrets-bed.ts";

describe("Secrets", function () {
  this.timeout(120_000);
  let bed: SecretsBed;

  before(async function () {
    this.timeout(1_200_000);
    bed = await startSecretsBed();
  });
  after(() => bed?.bed.stop());

  describe("are not reached by an approval of something else:", () => {
    const one = { stringData: { password: "the new value" } };
    const OTHERS: Readonly<Record<string, (name: string, other: string) => Call>> = {
      "another value": (name) => merge(name, { stringData: { password: "the other value" } }),
      "another key": (name) => merge(name, { stringData: { user: "the new value" } }),
      "one more key": (name) => merge(name, { stringData: { ...one.stringData, user: "x" } }),
      "another Secret": (_, other) => merge(other, one),
      "a label with it": (name) => merge(name, { ...one, metadata: { labels: { a: "b" } } }),
      "a finalizer with it": (name) => merge(name, { ...one, metadata: { finalizers: ["a.dev/b"] } }),
      "an annotation with it": (name) => merge(name, { ...one, metadata: { annotations: { a: "b" } } }),
      "immutable with it": (name) => merge(name, { ...one, immutable: true }),
      "an apply of another value": (name) =>
        apply(name, { stringData: { password: "the other value" } }, {}, "&force=true"),
      "a reveal": (name) => reveal(name, "password"),
    };
    for (const [what, other] of Object.entries(OTHERS))
      it(`${what} is held`, async () => {
        const [name, second] = [await bed.seed(), await bed.seed()];
        await bed.approved(merge(name, one));
        expect(verdictOf(await bed.agent(other(name, second)))).to.match(/^held by secret-(change|reveal)$/);
        for (const each of [name, second])
          expect((await bed.real(each)).data).to.deep.equal({ password: base64(VALUE) });
        expect((await bed.agent(merge(name, one))).code).to.equal(200);
        expect(verdictOf(await bed.agent(merge(name, one)))).to.equal("held by secret-change");
      });

    it("the same of a Secret that was made anew is held", async () => {
      const name = await bed.seed();
      await bed.approved(merge(name, one));
      await bed.anew(name);
      expect(verdictOf(await bed.agent(merge(name, one)))).to.equal("held by secret-change");
    });

    it("one sees all that is written, and what it does not show is as it was", async () => {
      const name = await bed.seed();
      const before = await bed.real(name);
      const owner = { apiVersion: "v1", kind: "Pod", name: "p", uid: "u" };
      const body = {
        metadata: { labels: { l: "1" }, annotations: { a: "2" }, finalizers: ["f.dev/3"] },
        ...{ immutable: true, data: { user: base64("x") } },
      };
      const owned = merge(name, { metadata: { ownerReferences: [owner] } });
      expect((await bed.agent(owned)).code).to.equal(422);
      const { spec } = await bed.approved(merge(name, body));
      for (const line of ['l: "1"', 'a: "2"', "- f.dev/3", "immutable: true", "user: "])
        expect(spec.change.diff).to.match(new RegExp(`^\\+ *${line}`, "m"));
      expect((await bed.agent(merge(name, body))).code).to.equal(200);
      const { metadata, data, ...rest } = await bed.real(name);
      expect(data).to.deep.equal({ ...before.data, user: base64("x") });
      expect(rest).to.include({ type: "Opaque", immutable: true });
      expect(metadata).to.deep.include({ labels: { l: "1" }, finalizers: ["f.dev/3"] });
      expect(metadata.annotations).to.deep.equal({ a: "2", "hoop.dev/agent": "agent" });
      expect(metadata).not.to.have.property("ownerReferences");
    });

    it("one sees all that was asked for, however long", async () => {
      const name = await bed.seed();
      const long = `${"x".repeat(2000)} to-another-namespace`;
      const body = { metadata: { annotations: { "replicator.dev/to": long }, labels: { a: "b" } } };
      const { spec } = await bed.approved(merge(name, body));
      expect(spec.change.diff).to.contain(`replicator.dev/to: ${long}`);
    });

    it("a reveal is of one key and of the value that was there, once", async () => {
      const name = await bed.seed({ password: VALUE, user: "app" });
      await bed.approved(reveal(name, "password"));
      expect(verdictOf(await bed.agent(reveal(name, "user")))).to.equal("held by secret-reveal");
      await bed.change(name, { stringData: { password: "a newer one" } });
      expect(verdictOf(await bed.agent(reveal(name, "password")))).to.equal("held by secret-reveal");
      await bed.approved(reveal(name, "password"));
      const replies = await Promise.all([1, 2, 3].map(() => bed.agent(reveal(name, "password"))));
      expect(replies.filter(({ code }) => code === 201)).to.have.length(1);
      expect(replies.filter((reply) => verdictOf(reply) === "held by secret-reveal")).to.have.length(2);
      const dryRun = reveal(name, "user");
      expect((await bed.agent({ ...dryRun, path: `${dryRun.path}?dryRun=All` })).code).to.equal(400);
    });

    it("what is denied is not written, and is denied again", async () => {
      const name = await bed.seed();
      const call = merge(name, { stringData: { password: "x" } });
      await bed.agent(call);
      await bed.bed.decide(await bed.bed.pending(name), "Deny", "no");
      for (const _ of [1, 2]) expect((await bed.agent(call)).text).to.contain("denied by approver: no");
      expect((await bed.real(name)).data).to.deep.equal({ password: base64(VALUE) });
    });
  });

  describe("that are identities are nobody's:", () => {
    const type = "kubernetes.io/service-account-token";
    const annotations = { "kubernetes.io/service-account.name": "default" };
    const IDENTITIES: Readonly<Record<string, (name: string) => Call>> = {
      "a create of one": () => create("token", { type }, { annotations }),
      "an apply of one": () => apply("token", { type }, { annotations }),
      "a create of a bootstrap token": () =>
        create("bootstrap-token-abcdef", { type: "bootstrap.kubernetes.io/token" }),
      "a label of one": (name) => merge(name, { metadata: { labels: { a: "b" } } }),
      "a reveal of one": (name) => reveal(name, "token"),
    };
    for (const [what, call] of Object.entries(IDENTITIES))
      it(what, async () => {
        await bed.bed.apply(namespaced("v1", "ServiceAccount", "default"));
        const name = await bed.seed({ token: VALUE }, { type, metadata: { annotations } });
        expect(verdictOf(await bed.agent(call(name)))).to.equal("denied by identity-secret");
      });
  });

  it("are applied to the version that was named, or not at all", async () => {
    const name = await bed.seed();
    const { code, text } = await bed.agent(apply(name, {}, { resourceVersion: "1", labels: { a: "b" } }));
    expect(`${code} ${text}`).to.match(/^409 .*the object has been modified/);
  });

  describe("are not for whoever is no agent and may only ask:", () => {
    const NO_DEPUTY: Readonly<Record<string, (name: string) => Call>> = {
      "a reveal": (name) => reveal(name, "password"),
      "a patch": (name) => merge(name, { stringData: { password: "x" } }),
      "a dry run": (name) => merge(name, { stringData: { password: "x" } }, "?dryRun=All"),
      "an apply": (name) => apply(name, { stringData: { password: "x" } }, {}, "&force=true"),
      "a create": (name) => create(`${name}-token`, { type: "kubernetes.io/service-account-token" }),
    };
    for (const [what, call] of Object.entries(NO_DEPUTY))
      it(what, async () => {
        const trainee = await asUserOf(await bed.bed.controlPlane.kubeconfig("trainee"));
        await bed.bed.apply({
          ...{ apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRoleBinding" },
          metadata: { name: "trainee" },
          roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "hoop-agent" },
          subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "trainee" }],
        });
        const name = await bed.seed();
        const { code, text } = await trainee(call(name));
        expect(`${code} ${text}`).to.match(/^403 .*takes the right to (get|create|update) secrets/);
        expect((await bed.real(name)).data).to.deep.equal({ password: base64(VALUE) });
      });
  });
});
