import { expect } from "chai";
import { guesses } from "#apiserver-ext/resources/secure-secrets/guesses.ts";

const value = (text: string) => new Map([["password", text]]);

describe("writes of one key of a Secret", () => {
  it("are ten in a row, and then one in half a minute", () => {
    let now = 0;
    const { count } = guesses(() => now);
    const answers = Array.from({ length: 11 }, (_, index) => count("agent", "uid", value(`v${index}`)));
    expect(answers).to.deep.equal([...Array(10).fill(0), 30]);
    now += 29_999;
    expect(count("agent", "uid", value("w"))).to.equal(1);
    now += 1;
    expect(count("agent", "uid", value("w"))).to.equal(0);
    expect(count("agent", "uid", value("x"))).to.equal(30);
  });

  it("are counted once for one value, however often it is sent: a client that waits sends it again and again", () => {
    const { count } = guesses(() => 0);
    for (let again = 0; again < 50; again++) expect(count("agent", "uid", value("same"))).to.equal(0);
    for (let other = 0; other < 9; other++) expect(count("agent", "uid", value(`v${other}`))).to.equal(0);
    expect(count("agent", "uid", value("one more"))).to.equal(30);
  });

  it("are counted for each agent, Secret and key by itself", () => {
    const { count } = guesses(() => 0);
    for (let index = 0; index < 10; index++) count("agent", "uid", value(`v${index}`));
    expect(count("other", "uid", value("v"))).to.equal(0);
    expect(count("agent", "other", value("v"))).to.equal(0);
    expect(count("agent", "uid", new Map([["user", "v"]]))).to.equal(0);
  });

  it("are counted for none of several keys where one has to wait", () => {
    const { count } = guesses(() => 0);
    for (let index = 0; index < 10; index++) count("agent", "uid", value(`v${index}`));
    const both = (text: string) => new Map([...value(text), ["user", text]]);
    for (let index = 0; index < 20; index++) expect(count("agent", "uid", both(`w${index}`))).to.equal(30);
    expect(count("agent", "uid", new Map([["user", "w"]]))).to.equal(0);
  });
});
