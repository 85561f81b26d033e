/** The files in deploy/ say the same as the code. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { parse } from "yaml";
import { AUTHORIZATION_FIELDS, agentMatcher } from "#core/agents.ts";
import { authorizationFilter } from "#core/authorize.ts";
import { parseSettings } from "../../settings.ts";

const DEPLOY = join(import.meta.dirname, "..", "..", "deploy");

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
});
