/** What people do with kubectl, done to a resource of the kit: with the kubectl of this release, and with an older one. */
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "chai";
import { kubectlOlder } from "#controlplane/build.ts";
import { type ControlPlane, startControlPlane } from "#controlplane/controlplane.ts";
import { memoryStore } from "#store/memory.ts";
import { gadgets } from "../conformance/api/gadget.ts";
import { type KitApi, serveBehind } from "../support/kit-api.ts";
import { type Shell, shellOf } from "../support/shell.ts";

const API_VERSION = "ours.example.com/v1";

interface Given {
  labels?: Record<string, string>;
  finalizers?: string[];
  spec?: object;
}

function gadget(name: string, { spec, ...metadata }: Given = {}): object {
  return {
    apiVersion: API_VERSION,
    kind: "Gadget",
    metadata: { name, ...metadata },
    spec: { color: "red", ...spec },
  };
}

describe("a resource of the kit, by kubectl", function () {
  this.timeout(120_000);
  const store = memoryStore();
  let plane: ControlPlane;
  let api: KitApi;

  before(async function () {
    this.timeout(1_200_000);
    plane = await startControlPlane();
    api = await serveBehind(plane, [gadgets(store)]);
    // The API server fetches the OpenAPI documents some time after it has found the group.
    while ((await plane.kubectl(["explain", "gadget"])).code !== 0) await delay(200);
  });
  after(async () => {
    await api?.close();
    await plane?.stop();
    await store.close();
  });

  const programs: Readonly<Record<string, () => Promise<string>>> = {
    "of this release": async () => plane.kubectlPath,
    "two minors older": () => kubectlOlder(),
  };

  for (const [age, program] of Object.entries(programs))
    describe(age, () => {
      const namespace = age.replaceAll(" ", "-");
      let shell: Shell;
      before(async function () {
        this.timeout(1_200_000);
        shell = await shellOf(await program(), plane.adminKubeconfig, namespace);
        await plane.createNamespace(namespace);
      });
      after(() => shell.close());

      const create = (name: string, given?: Given) =>
        shell.must("create -f -", { input: gadget(name, given) });
      const fieldOf = (name: string, path: string) => shell.must(`get gadget ${name} -o jsonpath={${path}}`);

      it("is found by name, short name, category and group", async () => {
        const listed = await shell.must("api-resources --api-group=ours.example.com -o wide --no-headers");
        expect(listed).to.match(
          /^gadgets +gd +ours.example.com\/v1 +true +Gadget +create,delete,deletecollection,get,list,patch,update,watch +oracle\s*$/,
        );
        await create("found");
        for (const name of [
          "gadget",
          "gd",
          "oracle",
          "gadgets.ours.example.com",
          "gadgets.v1.ours.example.com",
        ])
          expect(await shell.must(`get ${name} -o name`), name).to.equal("gadget.ours.example.com/found\n");
        await shell.must("delete gd found");
      });

      it("is created, listed, described and read", async () => {
        expect(await create("one", { spec: { note: "hello" } })).to.equal(
          "gadget.ours.example.com/one created\n",
        );
        expect(await shell.fails("create -f -", { input: gadget("one") })).to.match(
          /Error from server \(AlreadyExists\): error when creating "STDIN": gadgets.ours.example.com "one" already exists/,
        );
        const table = /^NAME +COLOR +NOTE +ENABLED +PHASE +AGE\none +red +hello +false +[\dms]+\n$/;
        expect(await shell.must("get gadgets")).to.match(table);
        expect(await shell.must("get gadgets -o wide")).to.match(/AGE +SIZE\none .*s +1\n$/);
        expect(await shell.must("describe gadget one")).to.match(
          /^Name: +one\nNamespace: +\S+\nLabels: +<none>\n[\s\S]*Spec:\n +Color: +red\n/,
        );
        expect(await fieldOf("one", ".metadata.managedFields[*].manager")).to.equal("kubectl-create");
        expect(await shell.must("get gadget one -o yaml")).to.match(
          /spec:\n {2}color: red\n {2}enabled: false\n/,
        );
        expect(await shell.fails("get gadget two")).to.equal(
          'Error from server (NotFound): gadgets.ours.example.com "two" not found\n',
        );
      });

      it("is refused where it breaks its schema, and warned about where it has unknown fields", async () => {
        const wrong = await shell.fails("create -f -", {
          input: gadget("wrong", { spec: { color: "pink" } }),
        });
        expect(wrong).to.include('The Gadget "wrong" is invalid: spec.color: Unsupported value: "pink"');
        const odd = { input: gadget("odd", { spec: { colour: "red" } }) };
        expect(await shell.fails("create -f -", odd)).to.match(
          /strict decoding error: unknown field "spec.colour"/,
        );
        const warned = await shell.kubectl("create --validate=warn -f -", odd);
        expect(warned.stderr).to.equal('Warning: unknown field "spec.colour"\n');
        expect(warned.stdout).to.equal("gadget.ours.example.com/odd created\n");
        expect(await fieldOf("odd", ".spec")).to.equal('{"color":"red","enabled":false,"size":1}');
        expect(
          (
            await shell.kubectl("create --validate=ignore --dry-run=server -f -", {
              input: gadget("odder", { spec: { x: 1 } }),
            })
          ).stderr,
        ).to.equal("");
      });

      it("is applied: made, left, changed, and rid of what is no longer said", async () => {
        const apply = (spec: object) => shell.must("apply -f -", { input: gadget("applied", { spec }) });
        expect(await apply({ note: "x", settings: { a: "1", b: "2" } })).to.include("applied created");
        expect(await apply({ note: "x", settings: { a: "1", b: "2" } })).to.include("applied unchanged");
        await shell.must("label gadget applied by=another");
        expect(await apply({ settings: { a: "1" } })).to.include("applied configured");
        expect(await fieldOf("applied", ".spec")).to.equal(
          '{"color":"red","enabled":false,"settings":{"a":"1"},"size":1}',
        );
        expect(await fieldOf("applied", ".metadata.labels.by")).to.equal("another");
        const seen = await shell.must("get gadget applied -o yaml");
        expect(await shell.must("apply -f -", { input: seen })).to.match(/applied (configured|unchanged)/);
      });

      it("tells what applying would change", async () => {
        const same = await shell.kubectl("diff -f -", { input: gadget("one", { spec: { note: "hello" } }) });
        expect(same.code, same.stdout + same.stderr).to.equal(0);
        const other = await shell.kubectl("diff -f -", { input: gadget("one", { spec: { note: "bye" } }) });
        expect(other.code, other.stderr).to.equal(1);
        expect(other.stdout).to.match(/-\s+note: hello\n\+\s+note: bye/);
        expect(await fieldOf("one", ".spec.note")).to.equal("hello");
      });

      it("is not applied by the server, and that is said", async () => {
        const said = await shell.fails("apply --server-side -f -", { input: gadget("ssa") });
        expect(said).to.match(/Server-side apply not available on the server|unknown format/);
      });

      it("is edited", async () => {
        const KUBE_EDITOR = await shell.script(
          "#!/bin/sh\nexec sed -i 's/note: hello/note: edited/' \"$1\"\n",
        );
        expect(await shell.must("edit gadget one", { env: { KUBE_EDITOR } })).to.include("one edited");
        expect(await fieldOf("one", ".spec.note")).to.equal("edited");
      });

      it("is patched by merge and by JSON patch, its status too", async () => {
        await shell.must(`patch gadget one --type=merge -p '{"spec":{"size":5,"note":null}}'`);
        await shell.must(
          `patch gadget one --type=json -p '[{"op":"test","path":"/spec/size","value":5},{"op":"add","path":"/spec/tags","value":["x"]}]'`,
        );
        expect(await fieldOf("one", ".spec")).to.equal(
          '{"color":"red","enabled":false,"size":5,"tags":["x"]}',
        );
        expect(await shell.must(`patch gadget one --type=merge -p '{"spec":{"size":5}}'`)).to.include(
          "(no change)",
        );
        await shell.must(`patch gadget one --type=merge -p '{"status":{"phase":"Done"}}'`);
        expect(await fieldOf("one", ".status")).to.equal("");
        await shell.must(
          `patch gadget one --subresource=status --type=merge -p '{"status":{"phase":"Done"},"spec":{"size":9}}'`,
        );
        expect(await fieldOf("one", ".status")).to.equal('{"phase":"Done"}');
        expect(await fieldOf("one", ".spec.size")).to.equal("5");
        expect(await shell.must("get gadget one --subresource=status -o name")).to.include(
          "gadget.ours.example.com/one",
        );
        expect(await shell.fails(`patch gadget one -p '{"spec":{"size":6}}'`)).to.match(
          /the body of the request was in an unknown format - accepted media types include: application\/json-patch\+json, application\/merge-patch\+json/,
        );
        expect(
          await shell.fails(
            `patch gadget one --type=json -p '[{"op":"test","path":"/spec/size","value":1}]'`,
          ),
        ).to.include("the server rejected our request due to an error in our request");
      });

      it("is labelled and annotated", async () => {
        await shell.must("label gadget one tier=front");
        expect(await shell.fails("label gadget one tier=back")).to.include("--overwrite is false");
        await shell.must("label --overwrite gadget one tier=back");
        expect(await shell.must("get gadgets -l tier=back -o name")).to.equal(
          "gadget.ours.example.com/one\n",
        );
        expect(await shell.must("get gadgets -L tier --no-headers -l tier")).to.match(/back\n$/);
        await shell.must("label gadget one tier-");
        await shell.must("annotate gadget one example.com/why=because");
        expect(await fieldOf("one", ".metadata.annotations")).to.equal('{"example.com/why":"because"}');
        await shell.must("annotate gadget one example.com/why-");
        expect(await fieldOf("one", ".metadata.annotations")).to.equal("");
      });

      it("is replaced, and not where somebody was faster", async () => {
        const seen = JSON.parse(await shell.must("get gadget one -o json")) as { spec: object };
        const changed = { ...seen, spec: { ...seen.spec, note: "replaced" } };
        expect(await shell.must("replace -f -", { input: changed })).to.include("one replaced");
        const late = await shell.fails("replace -f -", {
          input: { ...seen, spec: { ...seen.spec, note: "late" } },
        });
        expect(late).to.match(
          /Error from server \(Conflict\).*the object has been modified; please apply your changes to the latest version and try again/,
        );
        expect(await shell.must("replace --force -f -", { input: gadget("one") })).to.match(
          /deleted[\s\S]*replaced/,
        );
      });

      it("is tried without being made", async () => {
        expect(await shell.must("create --dry-run=server -f -", { input: gadget("tried") })).to.include(
          "created (server dry run)",
        );
        expect(await shell.must("delete gadget one --dry-run=server")).to.match(
          /deleted.* \(server dry run\)/,
        );
        const left = await shell.must("get gadgets -o name");
        expect(left).to.not.include("/tried\n");
        expect(left).to.include("/one\n");
      });

      it("is listed in chunks, sorted, and by field", async () => {
        const names = ["many-1", "many-2", "many-3", "many-4", "many-5"];
        for (const [i, name] of names.entries())
          await create(name, {
            labels: { many: "yes" },
            spec: { size: 9 - i, color: i % 2 === 0 ? "green" : "blue" },
          });
        const all = names.map((name) => `gadget.ours.example.com/${name}\n`);
        const chunked = await shell.kubectl("get gadgets -l many --chunk-size=2 -o name -v=8");
        expect(chunked.stdout).to.equal(all.join(""));
        expect(chunked.stderr.match(/continue=\S+&labelSelector=many&limit=2/g)).to.have.length(2);
        expect(await shell.must("get gadgets -l many --sort-by=.spec.size -o name")).to.equal(
          all.toReversed().join(""),
        );
        expect(await shell.must("get gadgets -l many --field-selector=spec.color=blue -o name")).to.equal(
          `${all[1]}${all[3]}`,
        );
        expect(
          await shell.must(
            "get gadgets -l many --field-selector=spec.color!=blue,metadata.name!=many-1 -o name",
          ),
        ).to.equal(`${all[2]}${all[4]}`);
        expect(await shell.fails("get gadgets --field-selector=spec.note=x")).to.include(
          "field label not supported: spec.note",
        );
      });

      it("is watched, and waited for", async () => {
        const watching = shell.spawn("get gadgets -l seen -w --output-watch-events --no-headers");
        const lines = createInterface(watching.stdout)[Symbol.asyncIterator]();
        await create("watched", { labels: { seen: "yes" } });
        expect((await lines.next()).value).to.match(/^ADDED +watched +red/);
        const ready = shell.must("wait gadget/watched --for=jsonpath={.status.phase}=Done --timeout=300s");
        await shell.must(
          `patch gadget watched --subresource=status --type=merge -p '{"status":{"phase":"Done"}}'`,
        );
        expect((await lines.next()).value).to.match(/^MODIFIED +watched +red .*Done/);
        expect(await ready).to.include("condition met");
        const gone = shell.must("wait gadget/watched --for=delete --timeout=300s");
        await shell.must("delete gadget watched");
        expect((await lines.next()).value).to.match(/^DELETED +watched +red .*Done/);
        await gone;
        watching.kill();
        await once(watching, "close");
        const made = shell.must("wait gadget/later --for=create --timeout=300s");
        await create("later");
        expect(await made).to.include("condition met");
      });

      it("is deleted: one, some, all, held back by a finalizer, and in every propagation", async () => {
        expect(await shell.must("delete gadget many-1")).to.match(
          /^gadget.ours.example.com "many-1" deleted/,
        );
        expect(await shell.must("delete gadgets -l many")).to.match(/(.*"many-\d" deleted.*\n){4}/);
        await create("held", { finalizers: ["example.com/hold"] });
        await shell.must("delete gadget held --wait=false");
        expect(await fieldOf("held", ".metadata.deletionTimestamp")).to.match(/^\d{4}-/);
        await shell.must(
          `patch gadget held --type=json -p '[{"op":"remove","path":"/metadata/finalizers"}]'`,
        );
        expect(await shell.fails("get gadget held")).to.include("NotFound");
        for (const cascade of ["background", "foreground", "orphan"]) {
          await create(cascade);
          await shell.must(`delete gadget ${cascade} --cascade=${cascade} --wait=false`);
          const { stdout } = await shell.kubectl(
            `get gadget ${cascade} --ignore-not-found -o jsonpath={.metadata.finalizers}`,
          );
          expect(stdout, cascade).to.equal(
            { background: "", foreground: '["foregroundDeletion"]', orphan: '["orphan"]' }[cascade],
          );
          if (stdout !== "")
            await shell.must(`patch gadget ${cascade} --type=merge -p '{"metadata":{"finalizers":null}}'`);
        }
        await shell.must("delete gadgets --all");
        expect(await shell.must("get gadgets -o name")).to.equal("");
      });

      it("is explained", async () => {
        const said = await shell.must("explain gadget.spec");
        expect(said).to.match(/GROUP: +ours.example.com\nKIND: +Gadget\nVERSION: +v1/);
        expect(said).to.match(/color\t<string> -required-\n +enum: red, green, blue\n +Its colour/);
        expect(await shell.must("explain gadget --recursive")).to.match(
          /finalizers\t<\[\]string>[\s\S]*ownerReferences\t<\[\]Object>/,
        );
      });

      it("is allowed to those whom RBAC allows it", async () => {
        expect(await shell.must("auth can-i create gadgets.ours.example.com")).to.equal("yes\n");
        const kubeconfig = await plane.kubeconfig("ann");
        expect(
          (await shell.kubectl("auth can-i list gadgets.ours.example.com", { kubeconfig })).stdout,
        ).to.equal("no\n");
        expect(await shell.fails("get gadgets", { kubeconfig })).to.include(
          `gadgets.ours.example.com is forbidden: User "ann" cannot list resource "gadgets" in API group "ours.example.com" in the namespace "${namespace}"`,
        );
      });
    });
});
