/** What deploy/ closes, in step with one another and with the code. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { parse, parseAllDocuments } from "yaml";
import { ADMISSION_FIELDS, agentMatcher } from "#core/agents.ts";
import { parseSettings } from "../../settings.ts";

const DEPLOY = join(import.meta.dirname, "..", "..", "deploy");
const NET = "components/net/net-policy.yaml";
const STATIC_NET = "apiserver/static/policies/net.yaml";
const STATIC_WEBHOOK = "apiserver/static/webhooks/hoop.yaml";

interface Condition {
  name: string;
  expression: string;
}
interface Manifest {
  kind: string;
  metadata: { name: string };
  spec: { matchConditions: Condition[]; policyName?: string; variables?: object[] };
}
interface Webhook {
  clientConfig: object;
  matchConditions: Condition[];
}

const manifests = async (file: string) =>
  parseAllDocuments(await readFile(join(DEPLOY, file), "utf8")).map(
    (document) => document.toJS() as Manifest,
  );
const webhooks = async (file: string) =>
  (parse(await readFile(join(DEPLOY, file), "utf8")) as { webhooks: Webhook[] }).webhooks;

/** Whom the default settings call agents. */
function agents(): Condition[] {
  const settings = parseSettings("", "the defaults");
  const expression = agentMatcher(settings.agents, settings.identity).expression(ADMISSION_FIELDS);
  return [{ name: "agents", expression }];
}

describe("what closes ways to Secrets", () => {
  it("looks at the default settings' agents alone", async () => {
    for (const file of [NET, STATIC_NET]) {
      const [policy, binding] = await manifests(file);
      expect(policy?.spec.matchConditions, file).to.deep.equal(agents());
      expect(binding?.spec).to.deep.equal({
        policyName: policy?.metadata.name,
        validationActions: ["Deny"],
      });
    }
    for (const { matchConditions } of await webhooks(STATIC_WEBHOOK))
      expect(matchConditions).to.deep.equal(agents());
  });

  it("says the same in the API server's files as in the API", async () => {
    const [[inApi], [inFile]] = await Promise.all([manifests(NET), manifests(STATIC_NET)]);
    expect(inFile?.spec).to.deep.equal(inApi?.spec);
    const rest = (all: Webhook[]) =>
      all.map(({ clientConfig: _client, matchConditions: _conditions, ...same }) => same);
    const file = await webhooks(STATIC_WEBHOOK);
    expect(rest(file)).to.deep.equal(rest(await webhooks("base/registrations.yaml")));
    expect(file.map(({ clientConfig }) => clientConfig)).to.deep.equal([
      { url: "https://hoop.hoop-system.svc:9443/validate", caBundle: "" },
    ]);
  });

  it("is named in files as only files may be", async () => {
    const all = [...(await manifests(STATIC_NET)), ...(await manifests(STATIC_WEBHOOK))];
    for (const { metadata } of all) expect(metadata.name).to.match(/\.static\.k8s\.io$/);
  });
});
