/**
 * An agent's pod that names a Secret waits for a person, who is told which: every form of a reference that the API
 * server documents, in every kind that makes pods, by every way to write one.
 */
import { writeFile } from "node:fs/promises";
import { expect } from "chai";
import type { JsonObject } from "#core/admission.ts";
import { POD_SPEC_PATHS, podTemplatePath } from "#core/policy/facts/workload.ts";
import { secretsNamedIn } from "#core/secret-names.ts";
import {
  cronJob,
  deployment,
  HARMLESS,
  job,
  type Manifest,
  namespaced,
  pod,
  selected,
  template,
} from "../support/objects.ts";
import { creatable, type Document, type Field, fieldsBelow } from "../support/schema-walk.ts";
import { EPHEMERAL_FORMS, NO_REFERENCES, SECRET_FORMS } from "../support/secret-forms.ts";
import { startTestbed, type Testbed } from "../support/testbed.ts";

type Make = (name: string, spec: object) => Manifest;

const KINDS: Readonly<Record<string, Make>> = {
  "/pods": pod,
  "/podtemplates": (name, spec) => namespaced("v1", "PodTemplate", name, { template: template(spec) }),
  "/replicationcontrollers": (name, spec) =>
    namespaced("v1", "ReplicationController", name, {
      spec: { selector: { app: "web" }, template: template(spec) },
    }),
  "apps/deployments": deployment,
  "apps/statefulsets": (name, spec) =>
    namespaced("apps/v1", "StatefulSet", name, { spec: { serviceName: "web", ...selected(spec) } }),
  "apps/daemonsets": (name, spec) => namespaced("apps/v1", "DaemonSet", name, { spec: selected(spec) }),
  "apps/replicasets": (name, spec) => namespaced("apps/v1", "ReplicaSet", name, { spec: selected(spec) }),
  "apps/controllerrevisions": (name, spec) =>
    namespaced("apps/v1", "ControllerRevision", name, {
      revision: 1,
      data: { spec: { template: template(spec) } },
    }),
  "batch/jobs": job,
  "batch/cronjobs": cronJob,
};

/** Of these, the pods in what is there can be changed. */
const CHANGEABLE = [
  "/podtemplates",
  "/replicationcontrollers",
  "apps/deployments",
  "apps/statefulsets",
  "apps/daemonsets",
  "apps/replicasets",
  "batch/cronjobs",
];

const FORMS = Object.entries(SECRET_FORMS);
const ONE_FORM = SECRET_FORMS["volumes[].secret"] ?? (() => ({}));
const listOf = (items: Manifest[]) => JSON.stringify({ apiVersion: "v1", kind: "List", items });
const apart = (names: string) =>
  names
    .replace(/[^a-z]+/gi, "-")
    .toLowerCase()
    .replace(/-$/, "");

/** How a list of manifests is written, of names that are there or are not. */
const CREATES: Readonly<Record<string, readonly string[]>> = {
  "kubectl create": ["create", "-f", "-"],
  "kubectl apply": ["apply", "-f", "-"],
  "kubectl apply --server-side": ["apply", "--server-side", "-f", "-"],
};
const UPDATES: Readonly<Record<string, readonly string[]>> = {
  "kubectl replace": ["replace", "-f", "-"],
  "kubectl apply": ["apply", "-f", "-"],
  "kubectl apply --server-side": ["apply", "--server-side", "--force-conflicts", "-f", "-"],
};

describe("A pod that names a Secret", () => {
  let bed: Testbed;

  before(async () => {
    bed = await startTestbed({ settings: { hold: { maxWaitSeconds: 0, maxPendingPerAgent: 1000 } } });
    await bed.apply([
      namespaced("v1", "ServiceAccount", "default"),
      namespaced("v1", "Secret", "db", { stringData: { password: "hunter2" } }),
      namespaced("v1", "ConfigMap", "plain", { data: { password: "none" } }),
    ]);
  });

  after(() => bed?.stop());

  /** What secret-use said of the latest write to each name. */
  const told = async (): Promise<Map<string, string>> =>
    new Map(
      (await bed.approvals("demo"))
        .filter(({ status }) => status.phase === "Pending")
        .map(({ spec }) => [
          `${spec.target.resource}/${spec.target.name}`,
          spec.rules.find(({ name }) => name === "secret-use")?.message.replace(/^.*: /s, "") ?? "not told",
        ]),
    );

  /** kubectl says it of each, and the approval of each names just its Secret. */
  async function expectHeld(
    args: readonly string[],
    written: [manifest: Manifest, resource: string, secret: string][],
  ) {
    const { output, code } = await bed.kubectl("agent", args, {
      input: listOf(written.map(([made]) => made)),
    });
    expect(code, output).to.equal(1);
    const said = output.match(/HELD, not refused\. approval=\S+ namespace=demo rule=\S*secret-use/g) ?? [];
    expect(said.length, output).to.equal(written.length);
    const all = await told();
    const wanted = written.map(([made, resource, secret]) => [`${resource}/${made.metadata.name}`, secret]);
    expect(wanted.map(([target]) => [target, all.get(target ?? "")])).to.deep.equal(wanted);
  }

  const plural = (kind: string) => kind.replace(/^.*\//, "");

  describe("is found in what the API server documents", () => {
    const looksLikeReference = ({ name, type, description }: Field) =>
      /secret/i.test(name) || /Secret|ObjectReference/.test(type) || /secret/i.test(description);
    let documents: Document[];

    before(async () => {
      const { paths } = JSON.parse(await bed.must("human", ["get", "--raw", "/openapi/v3"])) as {
        paths: Record<string, { serverRelativeURL: string }>;
      };
      const groups = Object.entries(paths).filter(([path]) => /^apis?\/.*v\d\w*$/.test(path));
      documents = await Promise.all(
        groups.map(
          async ([, { serverRelativeURL }]) =>
            JSON.parse(await bed.must("human", ["get", "--raw", serverRelativeURL])) as Document,
        ),
      );
    });

    it("in every form", () => {
      const core = documents.find(
        ({ components }) => "io.k8s.api.core.v1.Secret" in (components.schemas ?? {}),
      );
      const isReference = (field: Field) => looksLikeReference(field) && !(field.path in NO_REFERENCES);
      const found = [...fieldsBelow(core as Document, "io.k8s.api.core.v1.PodSpec", isReference)]
        .filter(looksLikeReference)
        .map(({ path }) => path);
      const known = [SECRET_FORMS, EPHEMERAL_FORMS, NO_REFERENCES].flatMap((table) => Object.keys(table));
      expect(found.sort()).to.deep.equal(known.sort());
    });

    for (const [form, make] of Object.entries({ ...SECRET_FORMS, ...EPHEMERAL_FORMS }))
      it(`and its name read at ${form}`, () => {
        expect(secretsNamedIn(make("db") as JsonObject)).to.deep.equal(["db"]);
      });

    it("in every kind that holds a pod's spec", () => {
      const found = documents.flatMap((document) =>
        creatable(document).flatMap(({ resource, schema }) => {
          const specs = [...fieldsBelow(document, schema, ({ type }) => type === "PodSpec")].filter(
            ({ type }) => type === "PodSpec",
          );
          return specs.map(({ path }) => `${resource}: ${path}`);
        }),
      );
      const known = [...POD_SPEC_PATHS.keys()].map((kind) => {
        const [group = "", resource = ""] = kind.split("/");
        const above = podTemplatePath(group, resource) ?? [];
        return `${resource}: ${[...above, "spec"].join(".")}`;
      });
      // Its data is documented as anything at all.
      const wanted = known.filter((kind) => !kind.startsWith("controllerrevisions"));
      expect([...new Set(found)].sort()).to.deep.equal(wanted.sort());
    });

    it("and the kinds tried here are all of these", () => {
      expect(Object.keys(KINDS)).to.have.members([...POD_SPEC_PATHS.keys()]);
    });
  });

  describe("waits when it is made", () => {
    for (const [kind, make] of Object.entries(KINDS))
      it(`in ${plural(kind)}, in every form`, () =>
        expectHeld(
          ["create", "-f", "-"],
          FORMS.map(([form, specWith]) => {
            const name = apart(form);
            return [make(name, specWith(`s-${name}`)), plural(kind), `s-${name}`];
          }),
        ));

    for (const [way, args] of Object.entries(CREATES))
      it(`by ${way}, in every kind`, () =>
        expectHeld(
          args,
          Object.entries(KINDS).map(([kind, make]) => {
            const name = apart(way);
            return [make(name, ONE_FORM(`s-${name}`)), plural(kind), `s-${name}`];
          }),
        ));

    it("by kubectl run", async () => {
      const overrides = JSON.stringify({ spec: ONE_FORM("s-run") });
      const { output } = await bed.kubectl("agent", [
        ...["run", "runs", "-n", "demo", "--image=app:1", `--overrides=${overrides}`],
      ]);
      expect(output).to.contain("HELD");
      expect((await told()).get("pods/runs")).to.equal("s-run");
    });

    it("as a Job of a CronJob that a person made", async () => {
      await bed.apply(cronJob("nightly", ONE_FORM("s-nightly")));
      const { output } = await bed.kubectl("agent", [
        ...["create", "job", "now", "-n", "demo", "--from=cronjob/nightly"],
      ]);
      expect(output).to.contain("HELD");
      expect((await told()).get("jobs/now")).to.equal("s-nightly");
    });

    it("as a copy of a pod that a person made", async () => {
      await bed.apply(pod("original", ONE_FORM("s-original")));
      const { output } = await bed.kubectl("agent", [
        ...["debug", "original", "-n", "demo", "--image=busybox", "--copy-to=copied"],
      ]);
      expect(output).to.contain("HELD");
      expect((await told()).get("pods/copied")).to.equal("s-original");
    });
  });

  describe("waits when it is changed", () => {
    const changeable = () => CHANGEABLE.map((kind): [string, Make] => [kind, KINDS[kind] ?? pod]);

    for (const [way, args] of Object.entries(UPDATES))
      it(`by ${way}, in every kind`, async () => {
        const name = `changed-${apart(way)}`;
        await bed.apply(changeable().map(([, make]) => make(name, HARMLESS)));
        await expectHeld(
          args,
          changeable().map(([kind, make]) => [make(name, ONE_FORM(`s-${name}`)), plural(kind), `s-${name}`]),
        );
      });

    for (const [way, args] of Object.entries(UPDATES))
      it(`by ${way}, in every form`, async () => {
        const names = FORMS.map(([form]) => `${apart(way)}-${apart(form)}`);
        await bed.apply(names.map((name) => deployment(name)));
        await expectHeld(
          args,
          FORMS.map(([, specWith], index) => {
            const name = names[index] ?? "";
            return [deployment(name, specWith(`s-${name}`)), "deployments", `s-${name}`];
          }),
        );
      });

    for (const type of ["strategic", "merge", "json"])
      it(`by kubectl patch --type=${type}, in every kind`, async () => {
        const name = `patched-${type}`;
        await bed.apply(changeable().map(([, make]) => make(name, HARMLESS)));
        for (const [kind] of changeable()) {
          const [group = "", resource = ""] = kind.split("/");
          const path = [...(podTemplatePath(group, resource) ?? []), "spec"];
          const spec = { volumes: [{ name: "v", secret: { secretName: `s-${name}` } }] };
          const patch =
            type === "json"
              ? [{ op: "add", path: `/${path.join("/")}/volumes`, value: spec.volumes }]
              : path.reduceRight<object>((below, part) => ({ [part]: below }), spec);
          const { output } = await bed.kubectl("agent", [
            ...["patch", resource, name, "-n", "demo", `--type=${type}`, "-p", JSON.stringify(patch)],
          ]);
          expect(output, kind).to.match(/HELD, not refused\. approval=\S+ namespace=demo rule=secret-use/);
          expect((await told()).get(`${resource}/${name}`)).to.equal(`s-${name}`);
        }
      });

    it("by kubectl rollout undo to what named it before", async () => {
      await bed.apply(deployment("undone"));
      const live = JSON.parse(
        await bed.must("human", ["get", "deployment/undone", "-n", "demo", "-o", "json"]),
      ) as {
        metadata: { uid: string };
      };
      const owner = { apiVersion: "apps/v1", kind: "Deployment", name: "undone", controller: true };
      const revision = (number: string, spec: object) => {
        const set = namespaced("apps/v1", "ReplicaSet", `undone-${number}`, { spec: selected(spec) });
        return {
          ...set,
          metadata: {
            ...set.metadata,
            labels: { app: "web" },
            annotations: { "deployment.kubernetes.io/revision": number },
            ownerReferences: [{ ...owner, uid: live.metadata.uid }],
          },
        };
      };
      await bed.apply([revision("1", ONE_FORM("s-undone")), revision("2", HARMLESS)]);
      const { output } = await bed.kubectl("agent", [
        ...["rollout", "undo", "deployment/undone", "-n", "demo", "--to-revision=1"],
      ]);
      expect(output).to.match(/HELD.*secret-use/);
      expect((await told()).get("deployments/undone")).to.equal("s-undone");
    });

    it("from one that only pulled images with it", async () => {
      const pull = { ...HARMLESS, imagePullSecrets: [{ name: "s-registry" }] };
      await bed.apply(deployment("pulls", pull));
      const both = { ...ONE_FORM("s-registry"), imagePullSecrets: [{ name: "s-registry" }] };
      await expectHeld(["replace", "-f", "-"], [[deployment("pulls", both), "deployments", "s-registry"]]);
    });
  });

  describe("while it runs", () => {
    before(() => bed.apply(["env", "env-from", "plain"].map((name) => pod(`running-${name}`))));

    const custom = Object.values(EPHEMERAL_FORMS).map((make) => {
      const [{ name: _name, image: _image, ...container } = {}] = make("s-debug")[
        "ephemeralContainers"
      ] as Record<string, unknown>[];
      return container;
    });

    for (const [index, name] of ["running-env", "running-env-from"].entries())
      it(`waits when kubectl debug puts it into ${name}`, async () => {
        const file = `${bed.controlPlane.directory}/${name}.json`;
        await writeFile(file, JSON.stringify(custom[index]));
        const { output } = await bed.kubectl("agent", [
          ...["debug", name, "-n", "demo", "--image=busybox", "--profile=general", `--custom=${file}`],
        ]);
        expect(output).to.match(/HELD.*secret-use/);
        expect((await told()).get(`pods/${name}`)).to.equal("s-debug");
      });

    it("waits for another reason when kubectl debug puts none into it", async () => {
      const { output } = await bed.kubectl("agent", [
        ...["debug", "running-plain", "-n", "demo", "--image=busybox", "--profile=general"],
      ]);
      expect(output).to.match(/HELD.*rule=ephemeral-container,added-capabilities /);
      expect((await told()).get("pods/running-plain")).to.equal("not told");
    });
  });

  it("is not even made by kubectl set env --from, which reads the Secret first", async () => {
    await bed.apply(deployment("set"));
    const { output, code } = await bed.kubectl("agent", [
      "set",
      "env",
      "deployment/set",
      "-n",
      "demo",
      "--from=secret/db",
    ]);
    expect(output).to.contain("rule secrets");
    expect(output).not.to.contain("hunter2");
    expect(code).to.equal(1);
  });

  describe("that is there already does not wait", () => {
    const using = { ...ONE_FORM("s-used"), imagePullSecrets: [{ name: "s-pull" }] };
    const variable = (value: string) => ({
      ...using,
      containers: [{ name: "main", image: "app:1", env: [{ name: "A", value }] }],
    });
    const apply = (spec: object) =>
      ["apply", "--server-side", "--force-conflicts", deployment("used", spec)] as const;

    const cases: Readonly<Record<string, readonly (string | Manifest)[]>> = {
      "when a variable beside it changes": apply(variable("b")),
      "when it is named once more, in another form": apply({
        ...variable("c"),
        volumes: [{ name: "v", projected: { sources: [{ secret: { name: "s-used" } }] } }],
      }),
      "when it is scaled": ["scale", "deployment/used", "-n", "demo", "--replicas=3"],
      "when it is restarted": ["rollout", "restart", "deployment/used", "-n", "demo"],
      "when it is labelled": ["label", "deployment/used", "-n", "demo", "a=b"],
      "when another variable comes from a ConfigMap": [
        ...["set", "env", "deployment/used", "-n", "demo", "--from=configmap/plain"],
      ],
      "when a ConfigMap of that name is mounted": apply({
        ...variable("d"),
        volumes: [
          { name: "v", secret: { secretName: "s-used" } },
          { name: "w", configMap: { name: "s-new" } },
        ],
      }),
      "when it is there no more": apply(HARMLESS),
    };

    before(() => bed.apply(deployment("used", using)));

    for (const [when, given] of Object.entries(cases))
      it(when, async () => {
        const manifest = given.find((part) => typeof part === "object");
        const args = given.filter((part) => typeof part === "string");
        const { output, code } = await (manifest === undefined
          ? bed.kubectl("agent", args)
          : bed.kubectl("agent", [...args, "-f", "-"], { input: JSON.stringify(manifest) }));
        expect(output).not.to.contain("HELD");
        expect(code, output).to.equal(0);
      });

    it("but waits again once it was taken away", async () => {
      const used = deployment("used", ONE_FORM("s-used"));
      const args = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
      await expectHeld(args, [[used, "deployments", "s-used"]]);
    });
  });
});
