import { expect } from "chai";
import * as fc from "fast-check";
import { type Approval, PHASES, type Phase } from "#core/approval.ts";
import { momentOf } from "#notify/moments.ts";
import { approval } from "./fixtures.ts";

describe("moments", () => {
  const cases: Record<string, [Phase | null, Phase, string | undefined]> = {
    "a new request is one": [null, "Pending", "pending"],
    "an approval is one": ["Pending", "Approved", "approved"],
    "a denial is one": ["Pending", "Denied", "denied"],
    "running out undecided is one": ["Pending", "Expired", "expired"],
    "being superseded is one": ["Pending", "Superseded", "superseded"],
    "becoming void undecided is one": ["Pending", "Void", "void"],
    "the first of two approvers is none": ["Pending", "Pending", undefined],
    "being used is none": ["Approved", "Used", undefined],
    "running out unused is none": ["Approved", "Expired", undefined],
    "a denied one written again is none": ["Denied", "Denied", undefined],
  };
  for (const [name, [before, after, kind]] of Object.entries(cases)) {
    it(name, () => {
      const previous = before === null ? null : approval("a", before);
      expect(momentOf(previous, approval("a", after))?.kind).to.equal(kind);
    });
  }

  it("carries the time of what happened", () => {
    expect(momentOf(null, approval("a"))?.time).to.equal("2026-01-02T03:04:05Z");
    expect(momentOf(approval("a"), approval("a", "Denied"))?.time).to.equal("2026-01-02T03:05:00Z");
  });

  it("whatever a row goes through, there is one for the request and at most one for its decision", () => {
    void fc.assert(
      fc.property(fc.array(fc.constantFrom(...PHASES.slice(1)), { maxLength: 5 }), (phases) => {
        const steps: Approval[] = ["Pending" as const, ...phases].map((phase) => approval("a", phase));
        const moments = steps.map((step, index) => momentOf(steps[index - 1] ?? null, step));
        const kinds = moments.flatMap((moment) => (moment === undefined ? [] : [moment.kind]));
        expect(kinds.filter((kind) => kind === "pending")).to.have.length(1);
        expect(kinds.length).to.be.at.most(2);
      }),
    );
  });
});
