/**
 * Policies, annotations and objects made to hang Hoop or to slip through, by way of the API server: each is refused or
 * bounded, and what is asked next is judged as always.
 */
import { expect } from "chai";
import { post } from "../support/calls.ts";
import { until } from "../support/control-plane.ts";
import { clusterScoped, customResource, type Manifest, namespaced } from "../support/objects.ts";
import { asUserOf, type Call, type Caller, type Reply } from "../support/raw.ts";
import { startTestbed, type Testbed } from "../support/testbed.ts";

const POLICIES = "/apis/policy.hoop.dev/v1alpha1/agentpolicies";
const MAPS = "/api/v1/namespaces/demo/configmaps";
const PARTS = "/apis/example.com/v1/namespaces/demo/parts";
const MERGE = "application/merge-patch+json";

const ANY = { apiGroups: ["", "example.com"], operations: ["CREATE", "UPDATE"], resources: ["*"] };

/** About objects of that name alone. */
const policy = (name: string, when: string, rest: object = {}): Manifest =>
  clusterScoped("policy.hoop.dev/v1alpha1", "AgentPolicy", name, {
    spec: {
      matchConstraints: { resourceRules: [{ ...ANY, resourceNames: [name] }] },
      rules: [{ name: "rule", action: "Deny", when, ...rest }],
    },
  });

const dry = ({ path, ...call }: Call): Call => ({ ...call, path: `${path}?dryRun=All` });
const mapOf = (name: string, data: Record<string, string> = {}): Call =>
  dry(post(MAPS, namespaced("v1", "ConfigMap", name, { data })));
const partOf = (name: string, text: string): Call =>
  dry(
    post(
      PARTS,
      `{"apiVersion":"example.com/v1","kind":"Parts","metadata":{"name":"${name}"},${text}}` as never,
    ),
  );

const loops = (depth: number, body: string): string =>
  Array.from({ length: depth }, (_, n) => `object.l.all(v${n}, `).join("") + body + ")".repeat(depth);
const doubled = (times: number) => `['abcdefgh']${".map(x, x + x)".repeat(times)}.size() == 1`;
const list = (length: number) => `"l":[${"1,".repeat(length - 1)}1]`;

/** Refused where people write them. */
const REFUSED: Readonly<Record<string, string>> = {
  "loops in loops in loops": loops(6, "true"),
  "brackets nested deeply": `${"[".repeat(3_000)}${"]".repeat(3_000)} == []`,
  "a type that doubles with each loop": `[1]${".map(x, {x: x})".repeat(60)} == []`,
  "a pattern that is large once its repetitions are written out": `'a'.matches('${"a{1000}".repeat(100)}')`,
  "look-ahead": "'a'.matches('(?=a)')",
};

/** Taken, since they are harmless as such; and what then takes too much of them. */
const EXPENSIVE: Readonly<Record<string, readonly [expression: string, call: (name: string) => Call]>> = {
  "a string doubled 40 times": [doubled(40), (name) => mapOf(name)],
  "a pattern that makes others backtrack, over 900,000 characters": [
    "object.data.s.matches('^(a+)+$')",
    (name) => mapOf(name, { s: `${"a".repeat(900_000)}b` }),
  ],
  "a replacement that multiplies": [
    "object.data.s.replace('a', object.data.s).size() > 0",
    (name) => mapOf(name, { s: "a".repeat(50_000) }),
  ],
  "two loops over 3,000": [loops(2, "v0 + v1 >= 0"), (name) => partOf(name, list(3_000))],
  "a list of 300,000": ["object.l.all(x, x >= 0)", (name) => partOf(name, list(300_000))],
  "what is distinct among many": [
    "object.l.distinct().size() > 9",
    (name) => partOf(name, `"l":[${Array.from({ length: 5_000 }, (_, n) => n).join(",")}]`),
  ],
};

/** Objects, and what a rule that looks into them comes to. */
const OBJECTS: Readonly<Record<string, readonly [expression: string, text: string, code: number]>> = {
  "members that are called as JavaScript's own": [
    "object.m['__proto__'] == 1 && object.m.constructor == 2 && object.m.toString == 3 && object.m.size() == 3",
    '"m":{"__proto__":1,"constructor":2,"toString":3}',
    403,
  ],
  "no members of JavaScript's own": [
    "has(object.m.constructor) || has(object.m.__proto__) || 'toString' in object.m",
    '"m":{"a":1}',
    201,
  ],
  "integers beyond what a double holds": ["object.n == 9007199254740993", '"n":9007199254740993', 403],
  "a string of almost 3 MiB": ["object.s.size() > 2900000", `"s":"${"x".repeat(2_950_000)}"`, 403],
  "400 objects within one another": ["has(object.a)", `${'"a":{'.repeat(400)}"z":1${"}".repeat(400)}`, 403],
  "20,000 members": [
    "object.m.size() == 20000",
    `"m":{${Array.from({ length: 20_000 }, (_, n) => `"k${n}":1`).join(",")}}`,
    403,
  ],
};

describe("what is made to hang Hoop", () => {
  let bed: Testbed;
  let admin: Caller;
  let agent: Caller;

  before(async function () {
    this.timeout(300_000);
    bed = await startTestbed({ settings: { hold: { maxWaitSeconds: 0 } } });
    const parts = customResource("parts");
    const [version] = (parts["spec"] as { versions: [{ schema: { openAPIV3Schema: object } }] }).versions;
    version.schema.openAPIV3Schema = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
    await bed.apply(parts);
    await bed.must("human", [
      "wait",
      "--for=condition=Established",
      "crd/parts.example.com",
      "--timeout=300s",
    ]);
    admin = await asUserOf(bed.kubeconfig("human"));
    agent = await asUserOf(bed.kubeconfig("agent"));
    await until(
      "parts can be written",
      async () => (await agent(partOf("probe", '"a":1'))).code === 201,
      240_000,
    );
    const expensive = Object.values(EXPENSIVE).map(([when], n) => policy(`expensive-${n}`, when));
    const objects = Object.values(OBJECTS).map(([when], n) => policy(`object-${n}`, when));
    await bed.apply([...expensive, ...objects, policy("last", "true")]);
    const unreadable = dry(post(POLICIES, policy("unreadable", "1 +")));
    await until("what people write is looked at", async () => (await admin(unreadable)).code >= 400);
    await until("the policies judge", async () => (await agent(mapOf("last"))).code === 403);
  });
  after(() => bed?.stop());

  /** What is asked next: something that a policy denies, and something that nothing does. */
  async function goesOn(): Promise<void> {
    expect((await agent(mapOf("last"))).text).to.contain("(rule last/rule)");
    expect((await agent(mapOf("harmless"))).code).to.equal(201);
  }

  const couldNotTell = ({ code, text }: Reply, rule: string) => {
    expect(text).to.contain("could not tell");
    expect(text).to.contain(`rule ${rule} failed: budget exceeded`);
    expect(code).to.equal(500);
  };

  /** People are not kept from writing by a Hoop that is slow: asked until it was in time. */
  async function refusalOf(call: Call): Promise<string> {
    let said = "";
    await until("it is refused", async () => {
      const { code, text } = await admin(call);
      said = text;
      return code >= 400 && code <= 422;
    });
    return said;
  }

  for (const [what, when] of Object.entries(REFUSED))
    it(`is refused to people who write it: ${what}`, async () => {
      expect(await refusalOf(dry(post(POLICIES, policy("refused", when))))).to.contain("spec.rules[0].when");
      await goesOn();
    });

  for (const [n, [what, [, call]]] of Object.entries(EXPENSIVE).entries())
    it(`is given up: ${what}`, async () => {
      couldNotTell(await agent(call(`expensive-${n}`)), `expensive-${n}/rule`);
      await goesOn();
    });

  for (const [n, [what, [, text, code]]] of Object.entries(OBJECTS).entries())
    it(`is read as what it is: ${what}`, async () => {
      const reply = await agent(partOf(`object-${n}`, text));
      expect(reply.code, reply.text.slice(0, 500)).to.equal(code);
      if (code === 403) expect(reply.text).to.contain(`(rule object-${n}/rule)`);
      await goesOn();
    });

  it("is denied where it is nested beyond what can be read", async () => {
    const reply = await agent(partOf("deep", `${'"a":{'.repeat(9_500)}"z":1${"}".repeat(9_500)}`));
    expect(reply.code).to.not.equal(201);
    await goesOn();
  });

  it("is refused on a Namespace: an annotation of 250,000 characters", async () => {
    const annotations = { "hoop.dev/deny": `${"true || ".repeat(31_000)}false` };
    const call = {
      method: "PATCH",
      path: "/api/v1/namespaces/demo",
      body: { metadata: { annotations } },
      type: MERGE,
    };
    expect(await refusalOf(dry(call))).to.contain("hoop.dev/deny");
    await goesOn();
  });

  it("denies what is done to the object on which it stands: an annotation of 250,000 characters", async () => {
    const annotations = { "hoop.dev/deny": `${"true || ".repeat(31_000)}false` };
    const made = namespaced("v1", "ConfigMap", "annotated");
    expect((await admin(post(MAPS, { ...made, metadata: { ...made.metadata, annotations } }))).code).to.equal(
      201,
    );
    const change = { method: "PATCH", path: `${MAPS}/annotated`, body: { data: { a: "b" } }, type: MERGE };
    const { code, text } = await agent(change);
    expect(text).to.contain("rule deny@object failed");
    expect(code).to.equal(500);
    await goesOn();
  });

  it("does not come of 300 policies, of which each is recorded", async function () {
    this.timeout(300_000);
    const names = Array.from({ length: 300 }, (_, n) => `many-${n}`);
    for (let at = 0; at < names.length; at += 20)
      await Promise.all(
        names.slice(at, at + 20).map(async (name) => {
          const about = { resourceRules: [{ ...ANY, resourceNames: ["many", "many-held"] }] };
          const spec = {
            matchConstraints: about,
            rules: [{ name: "rule", action: "Deny", mode: "Audit", when: `object.data.n == '${name}'` }],
          };
          const { code, text } = await admin(post(POLICIES, { ...policy(name, "true"), spec }));
          expect(code, text).to.equal(201);
        }),
      );
    await bed.apply(policy("many-held", "object.data.n == 'held'"));
    await until(
      "the last of them judges",
      async () => (await agent(mapOf("many-held", { n: "held" }))).code === 403,
      240_000,
    );
    const { code, text } = await agent(mapOf("many", { n: "many-277" }));
    expect(code, text).to.equal(201);
    const entry = (await bed.records()).find(
      ({ observed }) => Array.isArray(observed) && observed.length > 0,
    );
    expect(JSON.stringify(entry?.["observed"])).to.contain("many-277/rule");
    expect(entry?.["observed"]).to.have.length(1);
    await goesOn();
  });
});
