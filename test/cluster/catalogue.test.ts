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
import type { Manifest } from "../support/objects.ts";
import { type Ended, startTestbed, type Testbed, type Who } from "../support/testbed.ts";

/** Fields that the examples need, and that the API server drops unless asked for. */
const FLAGS = {
  "feature-gates": "CrossNamespaceVolumeDataSource=true,PodCertificateRequest=true",
  "runtime-config": "certificates.k8s.io/v1beta1=true",
};
/** Valid only with proofs that an example does not have. */
const NOT_TYPED = new Set(["clustertrustbundles", "podcertificaterequests"]);

const EXAMPLES = catalogueFixtures()
  .map(exampleOf)
  .filter(({ request }) => !NOT_TYPED.has(request.resource.resource));
/** Each may have a hundred requests that wait. */
const AGENTS = 4;

/** What kubectl printed, in a word and the names of rules. */
function verdictIn({ code, output }: Ended): string {
  const held = /HELD, not refused\. .*? rule=(\S+)/.exec(output);
  if (held !== null) return `Hold ${held[1]?.split(",").sort().join(" ")}`;
  if (output.includes("delete by name")) return "Deny";
  if (/\(rule [\w-]+\)/.test(output)) return "Deny";
  return code === 0 ? "Allow" : `failed: ${output}`;
}

function wanted({ fixture: { expect } }: Example): string {
  return expect.verdict === "Hold" ? `Hold ${[...(expect.rules ?? [])].sort().join(" ")}` : expect.verdict;
}

describe("an agent that types the catalogue's examples", () => {
  let bed: Testbed;
  const said = new Map<Example, Ended>();

  before(async function () {
    this.timeout(300_000);
    bed = await startTestbed({ settings: { hold: { maxWaitSeconds: 0 } }, controlPlane: { flags: FLAGS } });
    await seeded(bed);
    const queue = [...EXAMPLES];
    const worker = async (_: unknown, index: number) => {
      const kubeconfig = await bed.controlPlane.kubeconfig(`agent-${index}`, ["hoop:agents"]);
      for (let example = queue.shift(); example !== undefined; example = queue.shift())
        said.set(example, await typed(bed, { kubeconfig }, example.command));
    };
    await Promise.all(Array.from({ length: AGENTS }, worker));
  });

  after(() => bed?.stop());

  for (const example of EXAMPLES)
    it(`${wanted(example)}: ${example.fixture.name}`, () => {
      const ended = said.get(example);
      expect(ended && verdictIn(ended), ended?.output).to.equal(wanted(example));
    });
});

async function typed(bed: Testbed, agent: Who, command: Command): Promise<Ended> {
  const input = await inputOf(bed, command);
  return bed.kubectl(agent, command.args, input === undefined ? {} : { input: JSON.stringify(input) });
}

/** What is written over, where a whole object must be. */
async function inputOf(bed: Testbed, { args, input, isPatch }: Command): Promise<JsonObject | undefined> {
  if (isPatch !== true || input === undefined) return input;
  const path = args[2] ?? "";
  const live = JSON.parse(await bed.must("human", ["get", "--raw", path.slice(0, path.lastIndexOf("/"))]));
  return merged(live, input);
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
  for (const { spec } of all) {
    const { group, names, versions } = spec as {
      group: string;
      names: { plural: string };
      versions: [{ name: string }];
    };
    const path = `/apis/${group}/${versions[0].name}/${names.plural}`;
    while ((await bed.kubectl("human", ["get", "--raw", path])).code !== 0) await delay(250);
  }
}
