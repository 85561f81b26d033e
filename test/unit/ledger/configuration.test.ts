import { createHash } from "node:crypto";
import { expect } from "chai";
import { Value } from "typebox/value";
import type { JsonObject } from "#core/admission.ts";
import { canonical } from "#core/canonical.ts";
import { recordConfiguration } from "#core/ledger/configuration.ts";
import { Entry } from "#core/ledger/entry.ts";
import { unsealPayload } from "#core/log/payload.ts";
import { memoryStore } from "#store/memory.ts";
import { random } from "../../../system.ts";
import { ManualClock } from "../../support/clock.ts";

interface Policy {
  name: string;
  spec: JsonObject;
}

const policy = (name: string, when: string): Policy => ({
  name,
  spec: { rules: [{ name: "a", action: "Deny", when }] },
});
const digestOf = ({ spec }: Policy) => createHash("sha256").update(canonical(spec)).digest("hex");

function recorder() {
  const store = memoryStore();
  const ports = { store, clock: new ManualClock(), random };
  const said = { version: "v1", keys: ["key"], agents: "true", rules: ["p/a"], settings: { some: "thing" } };
  return {
    ports,
    record: (...policies: Policy[]) => recordConfiguration(ports, { ...said, policies, profiles: [] }),
    recordBoth: (policies: Policy[], profiles: Policy[]) =>
      recordConfiguration(ports, { ...said, policies, profiles }),
    /** Of each entry, the policies it names, and those that its payload tells. */
    async told() {
      const lines = await store.lines(0);
      return Promise.all(
        lines.map(async ({ index, line }) => {
          const entry = JSON.parse(line);
          expect(Value.Check(Entry, entry)).to.equal(true);
          const kept = await store.payload(index);
          const text = kept instanceof Uint8Array ? unsealPayload(kept) : undefined;
          const { settings, policies, profiles } = JSON.parse(String(text)) as {
            settings: object;
            policies: Policy[];
            profiles: Policy[];
          };
          expect(settings).to.deep.equal(said.settings);
          return { entry, names: entry.policies, specs: policies, profiles };
        }),
      );
    },
  };
}

const [A, B] = [policy("a", "true"), policy("b", "request.name == 'x'")];

describe("what is in force, as it is recorded", () => {
  it("names each policy with the digest of its spec, and has the specs in its payload", async () => {
    const { record, told } = recorder();
    await record(A, B);
    const [first] = await told();
    expect(first?.entry.schema).to.equal("hoop.dev/configuration/v2");
    expect(first?.names).to.deep.equal([A, B].map((one) => ({ name: one.name, digest: digestOf(one) })));
    expect(first?.specs).to.deep.equal([A, B]);
  });

  it("is one entry for as long as nothing changes, and tells then what is new alone", async () => {
    const { record, told } = recorder();
    const changed = policy("b", "false");
    for (const policies of [[A], [A], [A, B], [A, B], [A, changed], [changed], [A, B]])
      await record(...policies);
    expect((await told()).map(({ specs }) => specs)).to.deep.equal([[A], [B], [changed], [], [A, B]]);
  });

  it("has no secret that somebody wrote into a policy", async () => {
    const { record, told } = recorder();
    const token = `ghp_${"a1B2c3D4e5".repeat(4)}`.slice(0, 40);
    await record(policy("a", `object.metadata.name == '${token}'`));
    const [{ names, specs } = { names: [], specs: [] }] = await told();
    expect(JSON.stringify(specs)).to.contain("object.metadata.name ==").and.not.contain(token);
    expect(names).to.deep.equal(specs.map((one) => ({ name: "a", digest: digestOf(one) })));
  });

  it("names and tells AgentProfiles as it does policies, also where one of them gives more alone", async () => {
    const { recordBoth, told } = recorder();
    const profile = (portForward: boolean): Policy => ({
      name: "deployer",
      spec: { users: [`ghp_${"a1B2c3D4e5".repeat(4)}`.slice(0, 40)], session: { portForward } },
    });
    for (const profiles of [[profile(false)], [profile(false)], [profile(true)], []])
      await recordBoth([A], profiles);
    const entries = await told();
    expect(entries.map(({ specs }) => specs)).to.deep.equal([[A], [], []]);
    expect(entries.map(({ profiles }) => profiles.map(({ spec }) => spec["session"]))).to.deep.equal([
      [{ portForward: false }],
      [{ portForward: true }],
      [],
    ]);
    expect(JSON.stringify(entries)).to.not.contain("ghp_a1B2");
    for (const { entry, profiles } of entries)
      expect(entry.profiles).to.deep.equal(
        profiles.map((one) => ({ name: "deployer", digest: digestOf(one) })),
      );
  });

  it("is told in several entries where policies say more than one can hold", async () => {
    const { record, told } = recorder();
    const all = Array.from({ length: 40 }, (_, n) => policy(`p${n}`, `'${"x".repeat(100_000)}' == '${n}'`));
    await record(...all);
    await record(...all);
    const entries = await told();
    expect(entries.flatMap(({ specs }) => specs)).to.deep.equal(all);
    for (const { specs, names } of entries) {
      expect(JSON.stringify(specs).length).to.be.lessThan(1_200_000);
      expect(names).to.have.length(all.length);
    }
  });

  it("names some of a thousand policies, and all of them in its payload", async () => {
    const { record, ports } = recorder();
    await record(
      ...Array.from({ length: 1_000 }, (_, n) => policy(`a-policy-of-this-name-${n}`, `${n} == 1`)),
    );
    const [line] = await ports.store.lines(0);
    expect(JSON.parse(line?.line ?? "")).to.deep.include({ shortened: true });
    const kept = await ports.store.payload(0);
    const text = kept instanceof Uint8Array ? unsealPayload(kept) : undefined;
    expect(JSON.parse(String(text)).entry.policies).to.have.length(1_000);
  });

  it("is recorded anew after an earlier version, which told nothing of policies", async () => {
    const { record, told, ports } = recorder();
    await ports.store.commit({ puts: [{ key: "ledger/configuration", value: "ab".repeat(32), expect: 0 }] });
    await record(A);
    expect((await told()).map(({ specs }) => specs)).to.deep.equal([[A]]);
  });
});
