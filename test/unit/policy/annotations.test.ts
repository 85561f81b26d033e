import { expect } from "chai";
import type { AdmissionRequest } from "#core/admission.ts";
import { annotationProblems } from "#core/policy/annotations.ts";
import type { BrokenAnnotation } from "#core/policy/ports.ts";
import type { HoldTerms } from "#core/policy/verdict.ts";
import { judgedBy, namespaceObject, ruleOf, shown } from "../../support/policies.ts";
import { podCreate, podDelete, podExec, request, user } from "../../support/reviews.ts";

const DENY = "hoop.dev/deny";
const APPROVAL = "hoop.dev/require-approval";
const APPROVERS = "hoop.dev/approvers";
const BOT = { ...user("system:serviceaccount:ci:bot"), groups: ["hoop:agents"] };
const POD = { ...podCreate("web"), userInfo: BOT };

type Annotations = Record<string, string>;

interface Said {
  namespace?: Annotations;
  account?: Annotations;
  object?: Annotations;
  /** What a subresource belongs to; "unknown": it cannot be looked up. */
  target?: Annotations | "unknown";
}

/** How a request is judged where these say so; `holding`: and a rule holds it. */
function judged(
  { namespace = {}, account = {}, object, target }: Said,
  asked: AdmissionRequest = POD,
  holding = false,
) {
  const broken: BrokenAnnotation[] = [];
  const oldObject =
    object === undefined
      ? asked.oldObject
      : { ...asked.oldObject, metadata: { name: "web", namespace: "demo", uid: "u", annotations: object } };
  const verdict = judgedBy(
    holding ? [ruleOf({})] : [],
    { ...asked, oldObject },
    {
      namespace: (name) => ({ known: true, object: namespaceObject(name, { annotations: namespace }) }),
      serviceAccount: (space, name) => ({
        known: true,
        object:
          `${space}/${name}` === "ci/bot"
            ? { kind: "ServiceAccount", metadata: { namespace: space, name, annotations: account } }
            : null,
      }),
      target: () =>
        target === "unknown"
          ? { known: false, why: "nobody answers" }
          : {
              known: true,
              object: target ? { kind: "Pod", metadata: { name: "web", annotations: target } } : null,
            },
      brokenAnnotation: (one) => broken.push(one),
    },
  );
  return { verdict, broken };
}

const told = async (said: Said, asked?: AdmissionRequest) => shown(await judged(said, asked).verdict);
const update = { ...POD, operation: "UPDATE" as const, oldObject: POD.object };

describe("an annotation", () => {
  const cases: Record<string, [Said, AdmissionRequest, string]> = {
    "of the namespace holds": [
      { namespace: { [APPROVAL]: "true" } },
      POD,
      "hold require-approval@namespace/demo",
    ],
    "of the namespace denies": [{ namespace: { [DENY]: "true" } }, POD, "deny deny@namespace/demo"],
    "of the agent's ServiceAccount holds": [
      { account: { [APPROVAL]: "request.operation == 'CREATE'" } },
      POD,
      "hold require-approval@serviceaccount/ci/bot",
    ],
    "of a ServiceAccount is not about other agents": [
      { account: { [DENY]: "true" } },
      podCreate("web"),
      "allow",
    ],
    "of the object holds its change": [
      { object: { [APPROVAL]: "true" } },
      update,
      "hold require-approval@object",
    ],
    "of the object holds its end": [
      { object: { [APPROVAL]: "true" } },
      podDelete("web"),
      "hold require-approval@object",
    ],
    "of a Namespace is about the Namespace": [
      { object: { [DENY]: "true" } },
      request({ userInfo: BOT }),
      "deny deny@object",
    ],
    "of a namespace is not about the Namespace": [
      { namespace: { [DENY]: "true" } },
      request({ userInfo: BOT, oldObject: { metadata: { name: "prod" } } }),
      "allow",
    ],
    "that the request itself brings does not count": [
      {},
      { ...POD, object: { metadata: { name: "web", annotations: { [DENY]: "true" } } } },
      "allow",
    ],
    "of a pod is about what connects to it": [{ target: { [DENY]: "true" } }, podExec(), "deny deny@object"],
    "of a pod is about its eviction": [
      { target: { [APPROVAL]: "request.subResource == 'eviction'" } },
      { ...POD, subresource: "eviction", object: { kind: "Eviction" } },
      "hold require-approval@object",
    ],
    "of a Deployment is about its scale, which has none of its own": [
      { object: {}, target: { [APPROVAL]: "object.spec.replicas == 0" } },
      { ...update, subresource: "scale", object: { kind: "Scale", spec: { replicas: 0 } } },
      "hold require-approval@object",
    ],
    "of what is written itself is read from it alone": [
      { target: { [DENY]: "true" } },
      { ...update, subresource: "status" },
      "allow",
    ],
    "of a pod that cannot be looked up may be anything": [
      { target: "unknown" },
      podExec(),
      "could-not-tell: rule annotations@object failed: nobody answers",
    ],
    "of a pod that is not there says nothing": [{}, podExec(), "allow"],
    "that is false says nothing": [{ namespace: { [DENY]: "false", [APPROVAL]: "1 == 2" } }, POD, "allow"],
    "knows the variables of the request": [
      {
        namespace: {
          [APPROVAL]:
            "agent.username.endsWith('bot') && workload.containers.exists(c, c.name == 'main') && hoop.through == 'admission' && namespaceObject.metadata.name == 'demo' && gains.secrets == []",
        },
      },
      POD,
      "hold require-approval@namespace/demo",
    ],
    "knows no params": [
      { namespace: { [DENY]: "params.a" } },
      POD,
      "could-not-tell: rule deny@namespace/demo failed: ",
    ],
    "adds to others": [
      { namespace: { [APPROVAL]: "true" }, account: { [APPROVAL]: "true" }, object: { [APPROVAL]: "true" } },
      update,
      "hold require-approval@namespace/demo,require-approval@serviceaccount/ci/bot,require-approval@object",
    ],
    "denies before others hold": [
      { namespace: { [APPROVAL]: "true" }, account: { [DENY]: "true" } },
      POD,
      "deny deny@serviceaccount/ci/bot",
    ],
    "that fails denies": [
      { namespace: { [APPROVAL]: "object.nothing == 1" } },
      POD,
      "could-not-tell: rule require-approval@namespace/demo failed: no such key",
    ],
    "that does not compile denies": [
      { object: { [DENY]: "object." } },
      update,
      "could-not-tell: rule deny@object failed: ",
    ],
    "that is no expression denies": [
      { account: { [APPROVAL]: "'yes'" } },
      POD,
      "could-not-tell: rule require-approval@serviceaccount/ci/bot failed: must be a bool",
    ],
    "that names no approvers denies": [
      { namespace: { [APPROVERS]: "2 of " } },
      POD,
      "could-not-tell: rule approvers@namespace/demo failed: must be such as",
    ],
    "called otherwise says nothing": [
      { namespace: { "hoop.dev/other": "true", deny: "true" } },
      POD,
      "allow",
    ],
  };
  for (const [what, [said, asked, wanted]] of Object.entries(cases))
    it(what, async () => {
      const verdict = await told(said, asked);
      expect(verdict.startsWith(wanted) && (wanted.includes(":") || verdict === wanted), verdict).to.equal(
        true,
      );
    });

  it("of a ServiceAccount that is not known denies", async () => {
    const given = { serviceAccount: () => ({ known: false as const, why: "no answer" }) };
    expect(shown(await judgedBy([], POD, given))).to.equal(
      "could-not-tell: rule annotations@serviceaccount/ci/bot failed: no answer",
    );
  });

  it("says in its message where it stands", async () => {
    const verdict = await judged({ namespace: { [APPROVAL]: "true" } }).verdict;
    expect(verdict).to.have.deep.nested.property("rules[0]", {
      name: "require-approval@namespace/demo",
      message: "annotation hoop.dev/require-approval of its namespace",
    });
  });

  it("that is broken is told of, with its place", async () => {
    const { verdict, broken } = judged({ object: { [DENY]: "1 ==\n  x", [APPROVERS]: "," } }, update);
    await verdict;
    const on = { apiVersion: "v1", kind: "Pod", namespace: "demo", name: "web", uid: "u" };
    expect(broken).to.deep.equal([
      { on, annotation: DENY, message: "undeclared reference to 'x' (line 2, column 3)" },
      { on, annotation: APPROVERS, message: "must be such as `sre, security`, `2 of sre, security` or `2`" },
    ]);
  });

  it("is found wrong before it is written", () => {
    expect(
      annotationProblems({ [DENY]: "true", [APPROVAL]: "object.x > 1", [APPROVERS]: "sre" }),
    ).to.deep.equal([]);
    expect(annotationProblems(undefined)).to.deep.equal([]);
    expect(annotationProblems({ [APPROVAL]: "object.x >" })).to.have.length(1);
    const [problem] = annotationProblems({ [DENY]: "true &&\n y" });
    expect(problem).to.deep.include({ path: "metadata.annotations[hoop.dev/deny]", line: 2, column: 2 });
    expect(annotationProblems({ [DENY]: "" })).to.have.length(1);
    expect(annotationProblems({ [DENY]: `"${"x".repeat(20_000)}" == ""` })).to.have.length(1);
  });
});

describe("hoop.dev/approvers", () => {
  const approversOf = async (said: Said, asked?: AdmissionRequest) =>
    ((await judged(said, asked, true).verdict) as { terms?: HoldTerms }).terms?.approvers;

  const forms: Record<string, HoldTerms["approvers"] | undefined> = {
    sre: [{ groups: ["sre"], count: 1 }],
    " sre ,  security ": [{ groups: ["security", "sre"], count: 1 }],
    "2 of sre, security": [{ groups: ["security", "sre"], count: 2 }],
    "3": [{ groups: [], count: 3 }],
    "10 of oidc:team a": [{ groups: ["oidc:team a"], count: 10 }],
    of: [{ groups: ["of"], count: 1 }],
    "": undefined,
    "0": undefined,
    "11": undefined,
    "0 of sre": undefined,
    "sre,,": undefined,
    "2 of": undefined,
    "Domain Admins, Head of IT": [{ groups: ["Domain Admins", "Head of IT"], count: 1 }],
    "2 of 3rd-line, sre-2": [{ groups: ["3rd-line", "sre-2"], count: 2 }],
    "2nd of team": [{ groups: ["2nd of team"], count: 1 }],
    "3 off sre": undefined,
    "2 sre": undefined,
    "two of sre": undefined,
    "of sre": undefined,
    "2 of of sre": undefined,
    "2 of 2 of sre": undefined,
    "100 of sre": undefined,
    "2 of sre; 1 of security": undefined,
    "2 of sre and 1 of security": undefined,
    "2 of sre, 1 of security": undefined,
  };
  for (const [text, wanted] of Object.entries(forms))
    it(`may say ${JSON.stringify(text)}${wanted === undefined ? ", which nobody understands" : ""}`, async () => {
      expect(await approversOf({ namespace: { [APPROVERS]: text } })).to.deep.equal(wanted);
    });

  it("adds to every hold, from wherever it stands", async () => {
    const said = {
      namespace: { [APPROVERS]: "2 of sre" },
      account: { [APPROVERS]: "security" },
      object: { [APPROVERS]: "sre" },
    };
    expect(await approversOf(said, update)).to.deep.equal([
      { groups: ["security"], count: 1 },
      { groups: ["sre"], count: 2 },
    ]);
  });

  it("holds nothing by itself", async () =>
    expect(shown(await judged({ namespace: { [APPROVERS]: "sre" } }).verdict)).to.equal("allow"));
});
