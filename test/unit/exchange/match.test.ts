/** Which tokens an AgentProfile is for. */
import { expect } from "chai";
import { kept, matches } from "#core/exchange/match.ts";

describe("which tokens a profile is for", () => {
  const asked = (claims: Record<string, string[]>, wanted: [string, string[]][]) =>
    matches([{ issuer: "i", claims: wanted.map(([claim, values]) => ({ claim, values })) }], {
      issuer: "i",
      claims,
    });
  it("goes by all of its claims", () => {
    expect(
      asked({ a: ["1"], b: ["2", "3"] }, [
        ["a", ["1"]],
        ["b", ["3", "4"]],
      ]),
    ).to.equal(true);
    expect(
      asked({ a: ["1"] }, [
        ["a", ["1"]],
        ["b", ["3"]],
      ]),
    ).to.equal(false);
    expect(asked({ a: ["1"] }, [])).to.equal(false);
    expect(asked({}, [["constructor", ["x"]]])).to.equal(false);
  });
  const SAID = { sub: "ci", admin: true, level: 3, groups: ["a"], nested: { team: "x" } };
  const whens: [string, boolean][] = [
    ['claims.sub == "ci"', true],
    ["claims.admin == true && claims.level > 2", true],
    ['claims.groups.exists(g, g == "a")', true],
    ['claims.nested.team == "x"', true],
    ['claims.?email.orValue("") == ""', true],
    ["claims.level > 3", false],
    ["claims.email != ''", false],
    ["claims.level.startsWith('3')", false],
    ["claims.missing.deeper == 1", false],
    ["claims.sub ==", false],
    ["claims.sub", false],
    ["request.userInfo.username == 'ci'", false],
    [
      "[1, 2, 3, 4, 5, 6, 7, 8].all(a, [1, 2, 3, 4, 5, 6, 7, 8].all(b, [1, 2, 3, 4, 5, 6, 7, 8].all(c, [1, 2, 3, 4, 5, 6, 7, 8].all(d, [1, 2, 3, 4, 5, 6, 7, 8].all(e, [1, 2, 3, 4, 5, 6, 7, 8].all(f, [1, 2, 3, 4, 5, 6, 7, 8].all(g, true)))))))",
      false,
    ],
  ];
  for (const [when, expected] of whens)
    it(`${expected ? "is" : "is not"} by ${when.slice(0, 60)}`, () => {
      const tokens = [{ issuer: "i", claims: [], when }];
      expect(matches(tokens, kept(tokens, { issuer: "i", claims: {}, said: SAID }))).to.equal(expected);
      expect(matches(tokens, kept(tokens, { issuer: "j", claims: {}, said: SAID }))).to.equal(false);
    });
  it("takes claims and the expression together", () => {
    const tokens = [{ issuer: "i", claims: [{ claim: "a", values: ["1"] }], when: "claims.level > 2" }];
    const of = (a: string) => matches(tokens, kept(tokens, { issuer: "i", claims: { a: [a] }, said: SAID }));
    expect([of("1"), of("2")]).to.deep.equal([true, false]);
  });
  it("keeps no more of a token than that", () => {
    const tokens = [{ issuer: "i", claims: [{ claim: "a", values: ["1"] }] }];
    const said = { a: "1", email: "x" };
    expect(kept(tokens, { issuer: "i", claims: { a: ["1"], email: ["x"] }, said })).to.deep.equal({
      issuer: "i",
      claims: { a: ["1"] },
    });
  });
});
