/**
 * Every way to write that the API server serves, walked by an agent whom RBAC lets do everything: what has an effect is
 * judged and recorded, and what the catalogue holds or denies without looking at the object is so whichever way is
 * taken.
 */
import { expect } from "chai";
import type { CompiledPolicy, CompiledRule } from "#core/policy/compile.ts";
import { POD_SPEC_PATHS } from "#core/policy/facts/workload.ts";
import { BODIES, nameOf } from "../support/bodies-of.ts";
import { CATALOGUE } from "../support/policies.ts";
import { asUserOf, type Caller, type Reply, verdictOf } from "../support/raw.ts";
import { SCALED, type Tried, tried } from "../support/risky-routes.ts";
import { discovered, pathTo, type Route, routesTo, type Served, titleOf } from "../support/routes.ts";
import { startTestbed, type Testbed } from "../support/testbed.ts";

const AT_ONCE = 6;

interface Walked extends Route {
  code: number;
  verdict: string;
}

/** The rules that fire on such a request whatever is in it. */
function alwaysFire({ served, operation }: Route): string[] {
  const route = { operation, resource: served, subresource: served.subresource };
  const always = ({ match, when, mode }: CompiledRule, bundle: CompiledPolicy) =>
    when === undefined &&
    mode === "Enforce" &&
    bundle.conditions.length === 0 &&
    match.mayMatch(route) &&
    bundle.match.mayMatch(route);
  return CATALOGUE.bundles.flatMap((bundle) =>
    bundle.rules.filter((rule) => always(rule, bundle)).map(({ name }) => name),
  );
}

/** Applying may create or change. */
function keyOf(operation: string, { group, resource, subresource = "" }: Recorded["target"]): string {
  const kind = operation === "CREATE" || operation === "UPDATE" ? "WRITE" : operation;
  return `${kind} ${group}/${resource}/${subresource}`;
}

interface Recorded {
  operation: string;
  target: { group: string; resource: string; subresource?: string };
}

const isRefused = ({ code, verdict }: Walked) => code >= 400 || /^(held|denied|forbidden) by /.test(verdict);

describe("an agent that walks every route to a write", () => {
  let bed: Testbed;
  let walked: Walked[] = [];
  let served: Served[] = [];
  let unseeded: string[] = [];
  let risked: Tried[] = [];
  let recorded: Recorded[] = [];

  before(async function () {
    this.timeout(1_200_000);
    bed = await startTestbed({ settings: { hold: { maxWaitSeconds: 0, maxPendingPerAgent: 100_000 } } });
    const [human, agent] = [await asUserOf(bed.kubeconfig("human")), await asUserOf(bed.kubeconfig("agent"))];
    served = (await discovered(human)).filter(({ verbs }) =>
      verbs.some((verb) => !["get", "list", "watch"].includes(verb)),
    );
    unseeded = await seeded(human, served);
    walked = await walk(agent, served);
    risked = await tried(human, agent);
    recorded = (await bed.records()) as unknown as Recorded[];
  });

  after(() => bed?.stop());

  it("finds the routes there are", () => {
    const titles = new Set(served.map(titleOf));
    for (const one of [
      "/pods/eviction",
      "apps/deployments/scale",
      "rbac.authorization.k8s.io/roles",
      "hoop.dev/secure-secrets",
    ])
      expect([...titles]).to.include(one);
    expect(walked.length).to.be.greaterThan(500);
  });

  it("has an object of each kind to write to", () => {
    expect(unseeded).to.deep.equal([]);
  });

  it("is recorded with whatever it brings about", () => {
    const known = new Set(recorded.map(({ operation, target }) => keyOf(operation, target)));
    const effects = walked.filter((one) => !isRefused(one));
    expect(effects.length).to.be.greaterThan(100);
    const unknown = effects.filter(({ operation, served: target }) => !known.has(keyOf(operation, target)));
    expect(unknown.map(shown)).to.deep.equal([]);
  });

  it("gets past no rule that holds or denies every such request", () => {
    const judged = walked.filter((one) => alwaysFire(one).length > 0);
    expect(judged.length).to.be.greaterThan(200);
    expect(judged.filter((one) => !isRefused(one)).map(shown)).to.deep.equal([]);
  });

  for (const [resource] of POD_SPEC_PATHS)
    it(`brings no risky pods about by ${resource}, whichever way is taken`, () => {
      const verdicts = risked.filter((one) => one.rule === "host-namespaces" && one.resource === resource);
      expect(verdicts.length).to.equal(7);
      const others = verdicts.filter(
        ({ verdict, mayBeInvalid }) =>
          !(mayBeInvalid && /^(400|415|422|500) /.test(verdict)) &&
          !/^held by host-namespaces\b|^held by .*,host-namespaces\b/.test(verdict),
      );
      expect(others).to.deep.equal([]);
    });

  for (const resource of SCALED)
    it(`scales no ${resource} to nothing, whichever way is taken`, () => {
      const verdicts = risked.filter((one) => one.rule === "scale-to-zero" && one.resource === resource);
      expect(verdicts.map(({ verdict }) => verdict)).to.deep.equal(Array(10).fill("held by scale-to-zero"));
    });

  it("meets each of these rules on some route", () => {
    const met = walked.filter(({ verdict }) => /^(held|denied|forbidden) by /.test(verdict));
    const rules = new Set(walked.flatMap(alwaysFire));
    expect(rules.size).to.be.greaterThan(15);
    const missed = [...rules].filter((rule) => !met.some((one) => alwaysFire(one).includes(rule)));
    expect(missed).to.deep.equal([]);
  });
});

const shown = ({ call, verdict }: Walked) => `${call.method} ${call.path} ${call.type ?? ""}: ${verdict}`;

/** People make one object of each kind. What could not be made. */
async function seeded(human: Caller, all: readonly Served[]): Promise<string[]> {
  const failed: string[] = [];
  const account = { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "default" } };
  await human({ method: "POST", path: "/api/v1/namespaces/demo/serviceaccounts", body: account });
  for (const one of all) {
    const body = BODIES[titleOf(one)];
    if (one.subresource !== "" || body === undefined || !one.verbs.includes("update")) continue;
    const { group, version, kind } = one.kind;
    const apiVersion = group === "" ? version : `${group}/${version}`;
    const object = { apiVersion, kind, ...body, metadata: { name: nameOf(titleOf(one)) } };
    const { code, text } = await human({ method: "POST", path: pathTo(one, ""), body: object });
    if (code >= 400 && code !== 409) failed.push(`${titleOf(one)}: ${text}`);
  }
  return failed;
}

async function walk(agent: Caller, all: readonly Served[]): Promise<Walked[]> {
  const walked: Walked[] = [];
  // What deletes an object comes after what is written to its subresources.
  const groups = [...Map.groupBy(all, ({ group, resource }) => `${group}/${resource}`).values()];
  const worker = async () => {
    for (let group = groups.shift(); group !== undefined; group = groups.shift()) {
      const title = group[0] === undefined ? "" : titleOf({ ...group[0], subresource: "" });
      const routes = group.flatMap((one) => routesTo(one, nameOf(title), BODIES[title] ?? {}));
      const [last, first] = [routes.filter(isDelete), routes.filter((one) => !isDelete(one))];
      for (const route of [...first, ...last]) {
        const reply = await agent(route.call);
        const code = isEmpty(reply) ? 404 : reply.code;
        walked.push({ ...route, code, verdict: verdictOf(reply) });
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return walked;
}

/** A collection of which nothing was deleted. */
const isEmpty = ({ text }: Reply) => /"kind":"\w+List".*"items":(\[\]|null)/s.test(text);

const isDelete = ({ operation }: Route) => operation === "DELETE";
