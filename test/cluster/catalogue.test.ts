/** The catalogue's examples as real commands of an agent: the API server, kubectl and Hoop agree with what they say. */
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "chai";
import type { JsonObject } from "#core/admission.ts";
import {
  type Command,
  catalogueFixtures,
  definitions,
  type Example,
  exampleOf,
} from "../support/catalogue-commands.ts";
import { shippedPolicies } from "../support/catalogue-page.ts";
import type { Manifest } from "../support/objects.ts";
import { asUserOf, type Caller } from "../support/raw.ts";
import { type Ended, startTestbed, type Testbed } from "../support/testbed.ts";

/** Fields that the examples need, and that the API server drops unless asked for. */
const FLAGS = {
  "feature-gates": "CrossNamespaceVolumeDataSource=true,PodCertificateRequest=true",
  "runtime-config": "certificates.k8s.io/v1beta1=true",
};
/** Valid only with proofs that an example does not have. */
const NOT_TYPED = new Set([
  "clustertrustbundles",
  "podcertificaterequests",
  "resourceclaims",
  "resourceclaimtemplates",
]);

const EXAMPLES = catalogueFixtures()
  .map(exampleOf)
  .filter(({ request }) => !NOT_TYPED.has(request.resource.resource))
  .filter(({ fixture }) => fixture.around.as.session === undefined)
  // Whose uid belongs to what is only known once both are there.
  .filter(({ fixture }) => fixture.around.dependents.length === 0);
const AT_ONCE = 5;

interface Recorded {
  target: { namespace?: string; name?: string };
  observed?: { name: string }[];
}

/** What kubectl printed, in a word and the names of rules. */
function verdictIn({ code, output }: Ended): string {
  const held = /HELD, not refused\. .*? rule=(\S+)/.exec(output);
  if (held !== null) return `Hold ${held[1]?.split(",").sort().join(" ")}`;
  if (output.includes("delete by name")) return "Deny";
  if (/\(rule [\w@-]+\)/.test(output)) return "Deny";
  return code === 0 ? "Allow" : `failed: ${output}`;
}

function wanted({ fixture: { expect } }: Example): string {
  return expect.verdict === "Hold" ? `Hold ${[...(expect.rules ?? [])].sort().join(" ")}` : expect.verdict;
}

describe("an agent that types the catalogue's examples", () => {
  let bed: Testbed;
  const said = new Map<Example, Ended>();
  let recorded: Recorded[] = [];

  before(async function () {
    this.timeout(1_200_000);
    bed = await startTestbed({
      settings: { hold: { maxWaitSeconds: 0, maxPendingPerAgent: 10_000 } },
      controlPlane: { flags: FLAGS },
    });
    await seeded(bed);
    // Of two requests about one object the later one overtakes the earlier.
    const queue = [...Map.groupBy(EXAMPLES, targetOf).values()];
    const human = await asUserOf(bed.kubeconfig("human"));
    const worker = async () => {
      for (let group = queue.shift(); group !== undefined; group = queue.shift())
        for (const example of group) said.set(example, await typed(bed, human, example.command));
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    recorded = (await bed.records()) as unknown as Recorded[];
  });

  after(() => bed?.stop());

  for (const example of EXAMPLES)
    it(`${wanted(example)}: ${example.fixture.name}`, () => {
      const ended = said.get(example);
      expect(ended && verdictIn(ended), ended?.output).to.equal(wanted(example));
    });

  it("could have the rules as AgentPolicies of its cluster, word for word", async () => {
    const human = await asUserOf(bed.kubeconfig("human"));
    const path = "/apis/policy.hoop.dev/v1alpha1/agentpolicies?dryRun=All&fieldValidation=Strict";
    for (const policy of shippedPolicies()) {
      const { code, text } = await human({ method: "POST", path, body: policy });
      expect(code, text).to.equal(201);
    }
  });

  it("is recorded with the rules that only record", () => {
    const observing = EXAMPLES.filter(({ fixture }) => fixture.expect.audited !== undefined);
    expect(observing.length).to.be.greaterThan(10);
    for (const { fixture, request } of observing) {
      const about = recorded.filter(
        ({ target }) =>
          target.name === request.name && (target.namespace ?? request.namespace) === request.namespace,
      );
      const rules = about.flatMap(({ observed = [] }) => observed.map(({ name }) => name));
      expect(rules, fixture.name).to.include.members(fixture.expect.audited ?? []);
    }
  });
});

const targetOf = ({ request: { resource, namespace, name } }: Example) =>
  `${resource.group}/${resource.resource} ${namespace}/${name}`;

async function typed(bed: Testbed, human: Caller, command: Command): Promise<Ended> {
  const input = await inputOf(human, command);
  return bed.kubectl("agent", command.args, input === undefined ? {} : { input: JSON.stringify(input) });
}

/** What is written over, where a whole object must be. */
async function inputOf(human: Caller, { args, input, isPatch }: Command): Promise<JsonObject | undefined> {
  if (isPatch !== true || input === undefined) return input;
  const path = args[2] ?? "";
  const { code, text } = await human({ path: path.slice(0, path.lastIndexOf("/")) });
  if (code !== 200) throw new Error(`GET ${path}: ${code} ${text}`);
  return merged(JSON.parse(text), input);
}

function merged(target: JsonObject, patch: JsonObject): JsonObject {
  const entries = new Map(Object.entries(target));
  for (const [key, value] of Object.entries(patch)) {
    const old = entries.get(key);
    const both = isMap(value) && isMap(old) ? merged(old, value) : value;
    if (value === null) entries.delete(key);
    else entries.set(key, both);
  }
  return Object.fromEntries(entries);
}

const isMap = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

async function seeded(bed: Testbed): Promise<void> {
  const definitionsNeeded = definitions(EXAMPLES);
  await bed.apply(definitionsNeeded);
  const unique = new Map<string, Manifest>();
  for (const one of EXAMPLES.flatMap(({ given }) => given))
    unique.set(`${one.apiVersion} ${one.kind} ${one.metadata.namespace} ${one.metadata.name}`, one);
  const all = [...unique.values()];
  const isNamespace = ({ kind }: Manifest) => kind === "Namespace";
  const isCustom = ({ apiVersion, kind }: Manifest) =>
    definitionsNeeded.some(({ spec }) => {
      const { group, names } = spec as { group: string; names: { kind: string } };
      return apiVersion.startsWith(`${group}/`) && names.kind === kind;
    });
  await bed.apply(all.filter(isNamespace));
  await bed.apply(all.filter((one) => !isNamespace(one) && !isCustom(one)));
  await served(bed, definitionsNeeded);
  await bed.apply(all.filter(isCustom));
  for (const { kind, metadata, ["status"]: status } of all.filter((one) => one["status"] !== undefined))
    await bed.must("human", [
      ...[
        "patch",
        kind,
        metadata.name,
        "-n",
        metadata.namespace ?? "",
        "--subresource=status",
        "--type=merge",
      ],
      ...["-p", JSON.stringify({ status })],
    ]);
}

/** Until each of them can be asked for. */
async function served(bed: Testbed, all: readonly Manifest[]): Promise<void> {
  const human = await asUserOf(bed.kubeconfig("human"));
  for (const { spec } of all) {
    const { group, names, versions } = spec as {
      group: string;
      names: { plural: string };
      versions: [{ name: string }];
    };
    const path = `/apis/${group}/${versions[0].name}/${names.plural}`;
    while ((await human({ path })).code !== 200) await delay(250);
  }
}
