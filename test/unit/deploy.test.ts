/** The files in deploy/ say the same as the code. */
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { expect } from "chai";
import { parse, parseAllDocuments } from "yaml";
import { AUTHORIZATION_FIELDS, agentMatcher } from "#core/agents.ts";
import { authorizationFilter } from "#core/authorize.ts";
import { POD_SPEC_PATHS, podTemplatePath } from "#core/policy/facts/workload.ts";
import { NODE_ENVIRONMENT, NODE_FLAGS } from "../../local/node-flags.ts";
import { parseSettings } from "../../settings.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const DEPLOY = join(ROOT, "deploy");

/** The object of this kind in a file of deploy/base. */
async function inBase<T>(file: string, kind: string): Promise<T> {
  const documents = parseAllDocuments(await readFile(join(DEPLOY, "base", file), "utf8"));
  const found = documents.map((document) => document.toJS() as T & { kind: string });
  const one = found.find((object) => object.kind === kind);
  if (one === undefined) throw new Error(`${file} has no ${kind}`);
  return one;
}

const baseSettings = async () =>
  parseSettings(await readFile(join(DEPLOY, "base", "settings.yaml"), "utf8"), "settings.yaml");

/** The file and, by its imports, every one of ours that it needs. */
function closure(file: string, found = new Set<string>()): Set<string> {
  if (found.has(file)) return found;
  found.add(file);
  const { imports } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
    imports: Record<string, string>;
  };
  for (const [, from = ""] of readFileSync(join(ROOT, file), "utf8").matchAll(/from "([#.][^"]+)"/g)) {
    const [alias = "", target = ""] =
      Object.entries(imports).find(([name]) => from.startsWith(name.slice(0, -1))) ?? [];
    const path = from.startsWith("#")
      ? from.replace(alias.slice(0, -1), target.slice(0, -1))
      : join(dirname(file), from);
    closure(relative(ROOT, join(ROOT, path)), found);
  }
  return found;
}

describe("deploy/", () => {
  it("sends to /authorize exactly whom the default settings call agents, and what may be forbidden", async () => {
    const settings = parseSettings("", "the defaults");
    const file = await readFile(join(DEPLOY, "apiserver", "authorization-config.yaml"), "utf8");
    const { authorizers } = parse(file) as {
      authorizers: { webhook: { matchConditions: { expression: string }[] } }[];
    };
    const agents = agentMatcher(settings.agents, settings.identity).expression(AUTHORIZATION_FIELDS);
    expect(authorizers[0]?.webhook.matchConditions.map(({ expression }) => expression)).to.deep.equal([
      agents,
      authorizationFilter(settings.namespace),
    ]);
  });

  it("gives the pod the ports, the volume and the settings that these settings name", async () => {
    const settings = await baseSettings();
    const { spec } = await inBase<StatefulSet>("statefulset.yaml", "StatefulSet");
    const [container] = spec.template.spec.containers;
    expect(container?.ports).to.deep.equal([
      { name: "api", containerPort: settings.listen.api },
      { name: "webhook", containerPort: settings.listen.webhook },
      { name: "web", containerPort: settings.listen.web },
    ]);
    expect(container?.args).to.deep.equal(["--config", "/etc/hoop/settings.yaml"]);
    const data = container?.volumeMounts.find(({ name }) => name === "data")?.mountPath;
    expect(settings.store).to.deep.equal({ driver: "sqlite", file: `${data}/hoop.db` });
    expect(settings.certificates).to.equal(`${data}/certificates`);
    expect(spec.volumeClaimTemplates.map(({ metadata }) => metadata.name)).to.deep.equal(["data"]);
  });

  it("lets held requests take less than half of the agents' seats", async () => {
    const { spec } = await inBase<PriorityLevel>("flow-control.yaml", "PriorityLevelConfiguration");
    const { nominalConcurrencyShares: shares, lendablePercent, borrowingLimitPercent } = spec.limited;
    // 600 seats by default, and 245 shares of Kubernetes' own priority levels.
    const seats = (600 * shares) / (245 + shares);
    expect((await baseSettings()).hold.maxWaiters).to.be.lessThan(seats / 2);
    expect([lendablePercent, borrowingLimitPercent]).to.deep.equal([0, 0]);
  });

  it("stamps by policy the pod templates that the webhook stamps", async () => {
    const { spec } = await inBase<Policy>("stamp-policy.yaml", "MutatingAdmissionPolicy");
    const expression = spec.variables.find(({ name }) => name === "templatePath")?.expression ?? "";
    const listed = [...expression.matchAll(/"([a-z]*\/[a-z]+)":\s+"([^"]+)"/g)].map(([, of, path]) => [
      of,
      path,
    ]);
    const stamped = [...POD_SPEC_PATHS.keys()].flatMap((kind) => {
      const [group = "", resource = ""] = kind.split("/");
      const path = podTemplatePath(group, resource);
      return path === undefined ? [] : [[kind, `/${path.join("/")}`]];
    });
    expect(listed).to.have.deep.members(stamped);
    const unstamped = spec.matchConditions.find(({ name }) => name === "unstamped")?.expression ?? "";
    const [, never = ""] = / in \[([^\]]*)\]/.exec(unstamped) ?? [];
    const resources = stamped.map(([kind = ""]) => JSON.stringify(kind.split("/")[1]));
    expect(never.split(/,\s+/), "never passed over").to.have.members(resources);
  });

  it("runs Node.js in the image as everywhere else", async () => {
    const containerfile = await readFile(join(ROOT, "Containerfile"), "utf8");
    const [, entrypoint = ""] = /^ENTRYPOINT (.+)$/m.exec(containerfile) ?? [];
    expect(JSON.parse(entrypoint)).to.deep.equal(["node", ...NODE_FLAGS, "main.ts"]);
    const environment = [...containerfile.matchAll(/^ENV ([A-Z_]+)=(.+)$/gm)].map(([, name, value]) => [
      name,
      value,
    ]);
    expect(environment).to.deep.include.members(Object.entries(NODE_ENVIRONMENT));
  });

  it("puts into the image every file that main.ts needs, and sends the build what it puts there", async () => {
    const containerfile = await readFile(join(ROOT, "Containerfile"), "utf8");
    const copied = [...containerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, names = ""]) =>
      names.split(" "),
    );
    const needed = new Set([...closure("main.ts")].map((file) => file.split("/")[0] ?? ""));
    expect(copied).to.include.members([...needed, "package.json", "package-lock.json"]);
    const ignore = await readFile(join(ROOT, ".dockerignore"), "utf8");
    const sent = [...ignore.matchAll(/^!(.+)$/gm)].map(([, name]) => name);
    expect(sent).to.have.members([...new Set(copied)]);
  });
});

interface StatefulSet {
  spec: {
    template: {
      spec: {
        containers: {
          args: string[];
          ports: object[];
          volumeMounts: { name: string; mountPath: string }[];
        }[];
      };
    };
    volumeClaimTemplates: { metadata: { name: string } }[];
  };
}

interface PriorityLevel {
  spec: {
    limited: { nominalConcurrencyShares: number; lendablePercent: number; borrowingLimitPercent: number };
  };
}

interface Policy {
  spec: Record<"variables" | "matchConditions", { name: string; expression: string }[]>;
}
