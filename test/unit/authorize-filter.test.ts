/**
 * What the API server does not even ask about must be what nobody would deny: the filter of the authorization
 * configuration lets every request pass to Hoop that a prohibition names. (A real API server says the same to the same
 * requests: test/cluster/closed-authorization.test.ts.)
 */
import { expect } from "chai";
import fc from "fast-check";
import { agentMatcher } from "#core/agents.ts";
import { authorizationFilter, authorize } from "#core/authorize.ts";
import {
  ANY_ATTRIBUTES,
  type Attributes,
  DENIED,
  DENIED_PATHS,
  oneOf,
  PASSED,
  PASSED_PATHS,
  shown,
} from "../support/access.ts";
import { user } from "../support/reviews.ts";

const OWN = "hoop-system";
const AGENT = user("bot", ["hoop:agents"]);
const AGENTS = agentMatcher({ groups: ["hoop:agents"], users: [], serviceAccounts: [], extras: {} }, "");

/** As the API server fills it in: of what is there, every field. */
type Review =
  | { resourceAttributes: Attributes & { version: string } }
  | { nonResourceAttributes: { path: string; verb: string } };

/**
 * Of CEL the filter uses only what JavaScript has, too, under other names: `has`, `in` a list, `startsWith`, `==` and
 * `!=` of strings, and the operators of booleans. Anything else here is an error, not a guess.
 */
function translated(cel: string): (request: Review) => unknown {
  const javascript = cel
    .replaceAll(/has\(([\w.]+)\)/g, "($1 !== undefined)")
    .replaceAll(/([\w.]+) in (\[[^\]]*\])/g, "$2.includes($1)");
  const left = javascript
    .replaceAll(/"[^"]*"/g, "")
    .replaceAll(/request(\.\w+)+|\.includes|\.startsWith|undefined|&&|\|\||[!=]==?|[!()[\],\s]/g, "");
  if (left !== "") throw new Error(`not understood: ${left}`);
  return new Function("request", `return ${javascript}`) as (request: Review) => unknown;
}

const isSent = translated(authorizationFilter(OWN));

const resourceReview = (attributes: Attributes): Review => ({
  resourceAttributes: { ...attributes, version: "v1" },
});
const pathReview = (path: string): Review => ({ nonResourceAttributes: { path, verb: "get" } });
const isDenied = (resource: Attributes) =>
  authorize(AGENTS, { user: AGENT, resource }, OWN).kind === "denied";
const isPathDenied = (path: string) => authorize(AGENTS, { user: AGENT, path }, OWN).kind === "denied";

describe("the filter of the authorization configuration", () => {
  it("is never narrower than the prohibitions", () => {
    let denied = 0;
    fc.assert(
      fc.property(ANY_ATTRIBUTES, (attributes) => {
        if (!isDenied(attributes)) return;
        denied++;
        expect(isSent(resourceReview(attributes))).to.equal(true);
      }),
      { numRuns: 20_000 },
    );
    expect(denied, "some were denied").to.be.greaterThan(1_000);
  });

  it("is never narrower than the prohibitions of paths", () => {
    const segment = oneOf("logs", "debug", "flags", "*", "api", "logsx", "");
    fc.assert(
      fc.property(fc.array(segment, { maxLength: 4 }), (segments) => {
        const path = `/${segments.join("/")}`;
        if (isPathDenied(path)) expect(isSent(pathReview(path))).to.equal(true);
      }),
      { numRuns: 2_000 },
    );
  });

  for (const resource of Object.values(DENIED).flat())
    it(`sends ${shown(resource)}`, () => expect(isSent(resourceReview(resource))).to.equal(true));
  for (const path of DENIED_PATHS)
    it(`sends the path ${path}`, () => expect(isSent(pathReview(path))).to.equal(true));

  const ORDINARY = PASSED.filter(
    ({ group, resource, namespace, subresource }) =>
      resource !== "secrets" &&
      namespace !== OWN &&
      subresource === "" &&
      !group.endsWith(".k8s.io") &&
      group !== "policy.hoop.dev",
  );
  for (const resource of ORDINARY)
    it(`does not send ${shown(resource)}`, () => expect(isSent(resourceReview(resource))).to.equal(false));
  for (const path of PASSED_PATHS)
    it(`does not send the path ${path}`, () => expect(isSent(pathReview(path))).to.equal(false));
});
