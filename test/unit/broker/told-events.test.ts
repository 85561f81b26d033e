import { expect } from "chai";
import { ToldEvents } from "#apiserver-ext/broker/mask/watch-events.ts";
import { knownValues } from "#core/mask/values.ts";

const MASKS = { ofSecrets: false, known: knownValues([]) };
const columnDefinitions = [{ name: "Name" }, { name: "Password" }];
const event = (cells: string[], described: object) =>
  JSON.stringify({
    type: "MODIFIED",
    object: { kind: "Table", ...described, rows: [{ cells, object: {} }] },
  });

describe("events of a watch", () => {
  it("are masked by the columns that the first table describes", () => {
    const watch = new ToldEvents();
    for (const [password, described] of [
      ["hunter2", { columnDefinitions }],
      ["hunter3", {}],
      ["hunter4", { columnDefinitions: null }],
      ["hunter5", { columnDefinitions: [] }],
    ] as const) {
      const shown = watch.shown(event(["db", password], described), MASKS).toString();
      expect(shown).to.not.contain(password);
      expect(shown).to.contain('"cells":["db","[masked: value]"]');
    }
  });

  it("are those of their own watch: another one's columns say nothing", () => {
    const [one, other] = [new ToldEvents(), new ToldEvents()];
    one.shown(event(["db", "hunter2"], { columnDefinitions }), MASKS);
    const replicas = [{ name: "Name" }, { name: "Ready" }];
    other.shown(event(["db", "1/1"], { columnDefinitions: replicas }), MASKS);
    expect(one.shown(event(["db", "same"], {}), MASKS).toString()).to.not.contain("same");
    expect(other.shown(event(["db", "same"], {}), MASKS).toString()).to.contain("same");
    expect(one.shown(event(["db", "same"], {}), MASKS).toString()).to.not.contain("same");
  });

  it("that cannot be read are not shown", () => {
    expect(() => new ToldEvents().shown('{"type":"ADDED","object":{"kind":"Table"', MASKS)).to.throw(
      "masked",
    );
  });
});
