/** Policies are taken over whole and in order, however long one takes to compile. */
import { expect } from "chai";
import { heldPolicies } from "#cluster/held-policies.ts";
import type { AgentPolicy } from "#core/policy/spec.ts";

const LOG = { info: () => undefined, warn: () => undefined, error: () => undefined };

const stored = (name: string, uid = name, rule = "a") => ({
  metadata: { name, uid, resourceVersion: "1" },
  spec: { rules: [{ name: rule, action: "Deny" }] } as AgentPolicy["spec"],
});

const turn = () => new Promise((resolve) => setImmediate(resolve));

function world() {
  const compiling: { name: string; done: () => void }[] = [];
  const seen: string[][] = [];
  const held = heldPolicies<ReturnType<typeof stored>, string>(
    {
      compile: ({ metadata: { name } }) =>
        new Promise((resolve) => compiling.push({ name, done: () => resolve(name) })),
      changed: () => seen.push(names()),
    },
    LOG,
  );
  const names = () => held.all().map((entry) => entry.held.compiled);
  const compiled = async (name: string) => {
    await turn();
    const [next] = compiling.splice(0);
    expect(next?.name).to.equal(name);
    next?.done();
    await turn();
  };
  return { held, seen, names, compiled };
}

describe("policies that take their time to compile", () => {
  it("are those of before until all of them are compiled", async () => {
    const { held, seen, names, compiled } = world();
    held.taking.replace([stored("b"), stored("a")]);
    await compiled("b");
    expect(names()).to.deep.equal([]);
    await compiled("a");
    expect(names()).to.deep.equal(["a", "b"]);
    held.taking.replace([stored("a"), stored("b"), stored("c"), stored("d")]);
    await compiled("c");
    expect(names()).to.deep.equal(["a", "b"]);
    await compiled("d");
    await held.taken();
    expect(seen).to.deep.equal([
      ["a", "b"],
      ["a", "b", "c", "d"],
    ]);
  });

  it("are taken over in the order of the events: what is removed meanwhile does not stay", async () => {
    const { held, seen, compiled } = world();
    held.taking.put(stored("a"));
    held.taking.remove(stored("a"));
    held.taking.put(stored("a", "another"));
    await compiled("a");
    await compiled("a");
    await held.taken();
    expect(seen).to.deep.equal([["a"], [], ["a"]]);
    expect(held.all().map(({ stored: { metadata } }) => metadata.uid)).to.deep.equal(["another"]);
  });

  it("are not compiled again where only their status is new", async () => {
    const { held, seen, compiled } = world();
    held.taking.put(stored("a"));
    await compiled("a");
    held.taking.put({ ...stored("a"), metadata: { ...stored("a").metadata, resourceVersion: "2" } });
    await held.taken();
    expect(seen).to.deep.equal([["a"]]);
    expect(held.all()[0]?.stored.metadata.resourceVersion).to.equal("2");
  });

  it("are left as they are once nobody follows any more", async () => {
    const { held, seen, compiled } = world();
    held.taking.put(stored("a"));
    held.taking.put(stored("b"));
    await turn();
    held.stop();
    await compiled("a");
    await held.taken();
    expect(seen).to.deep.equal([["a"]]);
  });
});
