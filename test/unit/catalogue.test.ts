/** The shipped catalogue is what its examples say: each rule fires where it should, and nowhere else. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import fc from "fast-check";
import { parse } from "yaml";
import type { AdmissionRequest, Json, JsonObject } from "#core/admission.ts";
import { catalogueProblems } from "#core/policy/catalogue.ts";
import { compilePolicy } from "#core/policy/compile.ts";
import { POD_SPEC_PATHS } from "#core/policy/facts/workload.ts";
import { requestOf } from "#core/policy/fixture-request.ts";
import { runFixture } from "#core/policy/fixture-run.ts";
import { type Fixture, fixturesIn } from "#core/policy/fixtures.ts";
import { judge } from "#core/policy/judge.ts";
import { policySet } from "#core/policy/set.ts";
import type { CatalogueEntry } from "#core/policy/spec.ts";
import type { Verdict } from "#core/policy/verdict.ts";
import { bundles, cataloguePage, narrowing, PAGE } from "../support/catalogue-page.ts";
import { CATALOGUE, policyPorts } from "../support/policies.ts";
import { TERMS } from "../support/reviews.ts";

const TESTS = join(import.meta.dirname, "..", "..", "deploy", "policies", "tests");
const FILES = readdirSync(TESTS).map((name) => ({ name, text: readFileSync(join(TESTS, name), "utf8") }));
const READ = FILES.map(({ name, text }) => fixturesIn(text, name));
const FIXTURES = READ.flatMap(({ fixtures }) => fixtures);
const BUNDLES = bundles();
const RULES = BUNDLES.flatMap(({ rules }) => rules);
const SET = policySet(CATALOGUE, []);

const expected = ({ expect: { rules = [], audited = [], warnings = [] } }: Fixture) =>
  [...rules, ...audited, ...warnings].sort();
const told = (verdict: Verdict | undefined) => {
  if (verdict === undefined) return [];
  const { rules = [], observed = [] } = { ...verdict } as {
    rules?: { name: string }[];
    observed?: { name: string }[];
  };
  return [...rules, ...observed].map(({ name }) => name).sort();
};

describe("the catalogue", () => {
  it("has examples that can be read", () => {
    expect(READ.flatMap(({ problems }) => problems)).to.deep.equal([]);
    expect(FIXTURES.length).to.be.greaterThan(4 * 50);
  });

  for (const { name } of RULES)
    it(`has two examples of ${name} at least, and two near misses`, () => {
      expect(FIXTURES.filter((one) => expected(one).includes(name)).length).to.be.at.least(2);
      const misses = FIXTURES.filter(({ expect: { notRules = [] } }) => notRules.includes(name));
      expect(misses.length).to.be.at.least(2);
    });

  for (const fixture of FIXTURES)
    it(`${fixture.expect.verdict} ${expected(fixture).join(", ")}: ${fixture.name}`, async () => {
      const { failures, verdict } = await runFixture(SET, fixture);
      expect(failures).to.deep.equal([]);
      // These, and no other rule: a false alarm is as wrong as a hole.
      expect(told(verdict)).to.deep.equal(expected(fixture));
    });

  it("has one name for each rule, says why and how bad it is, and names its controls", () => {
    expect(new Set(RULES.map(({ name }) => name)).size).to.equal(RULES.length);
    for (const { name, message = "", severity, description = "", controls = [] } of RULES) {
      expect(name).to.match(/^[a-z]+(-[a-z]+)*$/);
      expect(message, name).to.match(/^[A-Za-z].{10,}[^.]$/);
      expect(severity, name).to.be.oneOf(["Low", "Medium", "High", "Critical"]);
      expect(description, name).to.match(/^\S.{40,}\.$/);
      expect(controls.length, name).to.be.at.least(2);
      for (const control of controls) expect(control).to.match(/^(AC|AU|CM|CP|IA|SC|SI)-\d+$/);
    }
  });

  it("records only what is too common in daily work to wait for", () => {
    const recorded = RULES.filter(({ mode = "Enforce" }) => mode !== "Enforce").map(({ name }) => name);
    expect(recorded.sort()).to.deep.equal([
      ...["code-with-credentials", "namespace-labels", "pod-labels", "service-exposed", "service-selector"],
    ]);
  });

  for (const { isGuard, rules } of BUNDLES)
    for (const rule of rules)
      if (isGuard)
        it(`does not say how to narrow ${rule.name}, which is always in force`, () => {
          expect(narrowing(rule)).to.equal(undefined);
          expect(CATALOGUE.rules.get(rule.name)?.switchable).to.equal(false);
        });
      else
        it(`says how to narrow ${rule.name}, in words that a policy may have`, () => {
          const entry = parse(narrowing(rule) ?? "") as CatalogueEntry;
          expect(entry.rule).to.equal(rule.name);
          expect(entry.mode).not.to.equal(rule.mode ?? "Enforce");
          const policy = { metadata: { name: "narrow" }, spec: { catalogue: [entry] } };
          expect(compilePolicy(policy).problems).to.deep.equal([]);
          expect(catalogueProblems(CATALOGUE, policy)).to.deep.equal([]);
        });

  it("is as its page says", () => {
    expect(readFileSync(PAGE, "utf8")).to.equal(cataloguePage());
  });
});

/** A pod spec and the rules that hold it, whatever kind it comes in. */
const SAFE: JsonObject = {
  automountServiceAccountToken: false,
  containers: [{ name: "main", image: "app:1" }],
};
const container = (securityContext: JsonObject): JsonObject => ({
  containers: [{ name: "c", image: "i", securityContext }],
});
const RISKS: Readonly<Record<string, JsonObject>> = {
  "privileged-container": container({ privileged: true }),
  "privilege-escalation": container({ allowPrivilegeEscalation: true }),
  "added-capabilities": container({ capabilities: { add: ["NET_ADMIN"] } }),
  "host-namespaces": { hostPID: true },
  "host-path": { volumes: [{ name: "v", hostPath: { path: "/" } }] },
  "host-port": { containers: [{ name: "c", image: "i", ports: [{ hostPort: 80 }] }] },
  "sandbox-weakened": container({ procMount: "Unmasked" }),
  "node-placement": { nodeName: "node-1" },
  "system-priority": { priorityClassName: "system-node-critical" },
  "driver-volume": { volumes: [{ name: "v", gitRepo: { repository: "r" } }] },
  "pod-certificate": { volumes: [{ name: "v", projected: { sources: [{ podCertificate: {} }] } }] },
  "service-account": { serviceAccountName: "strong" },
  "secret-use": { containers: [{ name: "c", envFrom: [{ secretRef: { name: "db" } }] }] },
};

/** An object that has this pod spec where its kind has it. */
const withSpec = (path: readonly string[], spec: JsonObject): JsonObject =>
  path.toReversed().reduce<JsonObject>((inner, key) => ({ [key]: inner }), spec);

const PORTS = { policies: policyPorts(), terms: TERMS, installationNamespace: "hoop-system" };
const judged = (request: AdmissionRequest) => judge(PORTS, request);

function asked(resource: string, object: JsonObject | undefined, oldObject?: JsonObject): AdmissionRequest {
  const [group = "", name = ""] = resource.split("/");
  const made = requestOf({
    request: {
      resource: group === "" ? name : `${name}.${group}`,
      name: "x",
      ...(object === undefined ? {} : { object }),
      ...(oldObject === undefined ? {} : { oldObject }),
    },
    around: { as: {}, namespaces: [], serviceAccounts: [], dependents: [], params: [], access: [] },
  });
  if ("why" in made) throw new Error(made.why);
  return made.request;
}

/** Held when they are made, whatever is in them. */
const ALWAYS: Readonly<Record<string, string>> = {
  "/replicationcontrollers": "pod-adoption",
  "apps/replicasets": "pod-adoption",
  "apps/controllerrevisions": "controller-revision",
};
const SELDOM = new Set([...Object.values(ALWAYS), "code-with-credentials"]);

describe("the catalogue, of everything that makes pods:", () => {
  for (const [resource, path] of POD_SPEC_PATHS)
    it(`holds each risk in ${resource}, on create and on change, and nothing else`, async () => {
      const object = (spec: JsonObject) => withSpec(path, { ...SAFE, ...spec });
      const safe = told(await judged(asked(resource, object({}))));
      expect(safe).to.deep.equal(ALWAYS[resource] === undefined ? [] : [ALWAYS[resource]]);
      for (const [rule, spec] of Object.entries(RISKS)) {
        const created = await judged(asked(resource, object(spec)));
        expect([created.kind, ...told(created).filter((name) => name !== ALWAYS[resource])]).to.deep.equal([
          ...["hold", rule],
        ]);
        const changed = await judged(asked(resource, object(spec), object({})));
        expect([changed.kind, ...told(changed).filter((name) => !SELDOM.has(name))]).to.deep.equal([
          "hold",
          rule,
        ]);
      }
    });

  it("judges a workload as large as anybody's", async () => {
    const env = Array.from({ length: 40 }, (_, i) => ({ name: `VARIABLE_${i}`, value: "x".repeat(40) }));
    const containers = Array.from({ length: 60 }, (_, i) => ({
      name: `c-${i}`,
      image: "app:1",
      env,
      ports: [{ containerPort: i + 1 }],
    }));
    const object = (image: string) =>
      withSpec(["spec", "template", "spec"], {
        ...SAFE,
        serviceAccountName: "robot",
        volumes: Array.from({ length: 60 }, (_, i) => ({ name: `v-${i}`, configMap: { name: `m-${i}` } })),
        containers: containers.map((one) => ({ ...one, image })),
      });
    const verdict = await judged(asked("apps/deployments", object("app:2"), object("app:1")));
    expect([verdict.kind, ...told(verdict)]).to.deep.equal(["allow", "code-with-credentials"]);
  });
});

/** The paths of all members below a value. */
function places(value: Json, at: readonly string[] = []): string[][] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, child]) => [
    [...at, key],
    ...places(child as Json, [...at, key]),
  ]);
}

function without(value: Json, [first, ...rest]: readonly string[]): Json {
  if (first === undefined || typeof value !== "object" || value === null) return value;
  if (Array.isArray(value))
    return rest.length === 0
      ? value.filter((_, i) => String(i) !== first)
      : value.map((child, i) => (String(i) === first ? without(child, rest) : child));
  const { [first]: child = null, ...others } = value as JsonObject;
  return rest.length === 0 ? others : { ...(value as JsonObject), [first]: without(child, rest) };
}

/** What every object in etcd has, and every container. */
const isAlwaysThere = (path: readonly string[]) => path.join("/") === "metadata" || path.at(-1) === "name";

describe("the catalogue, of whatever it is given,", () => {
  const requests = FIXTURES.flatMap((fixture) => {
    const made = requestOf(fixture);
    return "request" in made ? [made.request] : [];
  });

  const lessened = requests.flatMap((request) =>
    (["object", "oldObject"] as const).flatMap((side) =>
      places(request[side])
        .filter((path) => !isAlwaysThere(path))
        .map((path) => ({ request, side, path })),
    ),
  );

  it("can tell what it is about when any field is left out", async () => {
    for (const { request, side, path } of lessened) {
      const verdict = await judged({ ...request, [side]: without(request[side], path) as JsonObject });
      const what = `${request.resource.resource} without ${side} ${path.join("/")}`;
      expect(verdict.kind, what).not.to.equal("could-not-tell");
    }
  });

  it("comes to a verdict for values of any type", async () => {
    const anything = fc.jsonValue() as fc.Arbitrary<Json>;
    const request = fc.constantFrom(...requests);
    await fc.assert(
      fc.asyncProperty(request, fc.nat(), anything, fc.boolean(), async (given, at, value, old) => {
        const side = old ? "oldObject" : "object";
        const whole = given[side];
        const all = places(whole);
        const path = all[at % Math.max(all.length, 1)] ?? [];
        const changed = whole === null ? null : (put(whole, path, value) as JsonObject);
        const verdict = await judged({ ...given, [side]: changed });
        expect(verdict.kind).to.be.oneOf(["allow", "hold", "deny", "could-not-tell"]);
      }),
      { numRuns: 500 },
    );
  });
});

function put(target: Json, [first, ...rest]: readonly string[], value: Json): Json {
  if (first === undefined || typeof target !== "object" || target === null) return target;
  const child = Reflect.get(target, first) as Json;
  const changed = rest.length === 0 ? value : put(child, rest, value);
  if (Array.isArray(target)) return target.map((item, i) => (String(i) === first ? changed : item));
  return { ...(target as JsonObject), [first]: changed };
}
