import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { parse } from "yaml";
import { ADMISSION_FIELDS, type AgentSettings, AUTHORIZATION_FIELDS, agentMatcher } from "#core/agents.ts";
import { authorizationFilter } from "#core/authorize.ts";
import { parseSettings } from "../../../settings.ts";
import { IDENTITIES, OWN, SETTINGS } from "../../support/identities.ts";
import { user } from "../../support/reviews.ts";

const NOBODY: AgentSettings = { groups: [], users: [], serviceAccounts: [], extras: {} };

describe("an agent", () => {
  for (const [name, [who, kind]] of Object.entries(IDENTITIES))
    it(name, () => {
      expect(agentMatcher(SETTINGS, OWN).identify(who).kind).to.equal(kind);
    });

  it("is nobody where nobody is named", () => {
    const matcher = agentMatcher(NOBODY, OWN);
    expect(matcher.identify(user("ann", ["hoop:agents"])).kind).to.equal("other");
    expect(matcher.expression(ADMISSION_FIELDS)).to.match(/^\(false\) && /);
  });
});

describe("the expression for the API server", () => {
  const expression = agentMatcher(SETTINGS, OWN).expression(ADMISSION_FIELDS);

  it("guards every field that may be absent", () => {
    for (const [use] of expression.matchAll(/request\.userInfo\.\w+(?:\.exists|\[| in )/g)) {
      const field = /request\.userInfo\.\w+/.exec(use)?.[0];
      expect(expression).to.contain(`has(${field})`);
    }
  });

  it("quotes what settings say, so that no name can end a string", () => {
    const strange = { ...NOBODY, users: ['a"] || true || "" in ["', "b\\", "c\n"] };
    expect(agentMatcher(strange, "").expression(ADMISSION_FIELDS)).to.contain(
      String.raw`["a\"] || true || \"\" in [\"", "b\\", "c\n"]`,
    );
  });
});

describe("deploy/apiserver/authorization-config.yaml", () => {
  it("holds the expressions that the code makes of the default settings", async () => {
    const file = join(import.meta.dirname, "../../../deploy/apiserver/authorization-config.yaml");
    const { authorizers } = parse(await readFile(file, "utf8")) as {
      authorizers: {
        type: string;
        webhook?: { matchConditions: { expression: string }[]; failurePolicy: string };
      }[];
    };
    const [first] = authorizers;
    const settings = parseSettings("{}", "the defaults");
    const matcher = agentMatcher(settings.agents, settings.identity);
    expect(first?.webhook?.matchConditions.map((condition) => condition.expression)).to.deep.equal([
      matcher.expression(AUTHORIZATION_FIELDS),
      authorizationFilter(settings.namespace),
    ]);
    expect(first?.webhook?.failurePolicy).to.equal("Deny");
    expect(authorizers.map(({ type }) => type)).to.deep.equal(["Webhook", "Node", "RBAC"]);
  });
});
