import { expect } from "chai";
import { record } from "#core/record.ts";
import { podCreate } from "../../support/reviews.ts";

describe("the record of an admission", () => {
  it("names the rules that failed, so that they are found by it", async () => {
    const lines: string[] = [];
    const ports = {
      store: {
        commit: (batch: { lines?: readonly unknown[] }) => {
          lines.push(JSON.stringify(batch.lines));
          return Promise.resolve({ committed: true });
        },
      },
      clock: { now: () => 0 },
      random: { bytes: (size: number) => new Uint8Array(size) },
    } as unknown as Parameters<typeof record>[0];
    const failed = [{ name: "guard/team", message: "no such key" }];
    const why = "rule guard/team failed: no such key";
    await record(
      ports,
      podCreate("web"),
      "verified",
      { kind: "could-not-tell", why, failed },
      { kind: "could-not-tell", why },
    );
    expect(lines.join("").replaceAll("\\", "")).to.contain(
      '"rules":[{"message":"no such key","name":"guard/team"}]',
    );
  });
});
