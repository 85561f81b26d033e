/**
 * Expressions by hundreds in one ValidatingAdmissionPolicy: which of them the API server refuses to store, and what each
 * comes to for one write. What it comes to is told by audit annotations, so that one dry run tells of all of them.
 */
import type { NamedExpression } from "#core/cel/variables.ts";
import { type Cluster, GROUP, type Written } from "./cluster.ts";

const API = "/apis/admissionregistration.k8s.io/v1";
const POLICIES = `${API}/validatingadmissionpolicies`;
const BINDINGS = `${API}/validatingadmissionpolicybindings`;

/** `variables` are those before it, which it may use. */
export interface Asked {
  readonly expression: string;
  readonly composed?: readonly NamedExpression[];
}

/** `error`: it fails. */
export type Outcome = "true" | "false" | "error";

const EVERYTHING = [
  { apiGroups: [GROUP], apiVersions: ["v1"], operations: ["*"], resources: ["things", "wholes"] },
];

const LIMITS = { apiVersion: `${GROUP}/v1`, kind: "Limit" };

function policy(name: string, spec: object): object {
  return {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingAdmissionPolicy",
    metadata: { name },
    spec: { paramKind: LIMITS, matchConstraints: { resourceRules: EVERYTHING }, ...spec },
  };
}

interface Refused {
  details?: { causes?: { field?: string }[] };
}

/** Those with `variables` apart: each of them is a policy of its own. */
async function refusedOf(cluster: Cluster, asked: readonly Asked[]): Promise<ReadonlySet<number>> {
  const variables = asked[0]?.composed ?? [];
  const validations = asked.map(({ expression }) => ({ expression, message: "no" }));
  const tried = policy("tried", { variables, validations });
  const { code, body } = await cluster.tried(`${POLICIES}?dryRun=All`, tried);
  if (code < 300) return new Set();
  if (code === 422) {
    const fields = (JSON.parse(body) as Refused).details?.causes?.map(({ field = "" }) => field) ?? [];
    const numbers = fields.map((field) => /^spec\.validations\[(\d+)\]/.exec(field)?.[1]);
    // A variable that does not compile takes along what uses it.
    if (numbers.includes(undefined)) return new Set(asked.keys());
    return new Set(numbers.map(Number));
  }
  // Kubernetes' checker panics on some expressions; then nothing is stored either.
  if (asked.length === 1) return new Set([0]);
  const half = asked.length >> 1;
  const [first, second] = [
    await refusedOf(cluster, asked.slice(0, half)),
    await refusedOf(cluster, asked.slice(half)),
  ];
  return new Set([...first, ...[...second].map((index) => index + half)]);
}

const MOST_VALIDATIONS = 200;

/** Whether the API server stores a policy with each as a validation. */
export async function accepted(cluster: Cluster, asked: readonly Asked[]): Promise<boolean[]> {
  const verdicts = new Array<boolean>(asked.length).fill(true);
  const plain = [...asked.keys()].filter((index) => (asked[index]?.composed ?? []).length === 0);
  const groups = [...asked.keys()].filter((index) => !plain.includes(index)).map((index) => [index]);
  for (let at = 0; at < plain.length; at += MOST_VALIDATIONS)
    groups.push(plain.slice(at, at + MOST_VALIDATIONS));
  for (const indexes of groups) {
    const refused = await refusedOf(
      cluster,
      indexes.flatMap((index) => asked[index] ?? []),
    );
    for (const at of refused) verdicts[indexes[at] ?? -1] = false;
  }
  return verdicts;
}

/** As many audit annotations as a policy may have. */
const PER_POLICY = 20;

const bound = (name: string, more: object = {}): object => ({
  apiVersion: "admissionregistration.k8s.io/v1",
  kind: "ValidatingAdmissionPolicyBinding",
  metadata: { name },
  spec: {
    policyName: name,
    validationActions: ["Audit"],
    paramRef: { name: "most", namespace: "default", parameterNotFoundAction: "Deny" },
    ...more,
  },
});

/** Composed ones bring their variables along under other names, so that each policy holds one of them. */
function grouped(asked: readonly Asked[]): (readonly number[])[] {
  const isComposed = (index: number) => (asked[index]?.composed ?? []).length > 0;
  const plain = [...asked.keys()].filter((index) => !isComposed(index));
  const groups = [...asked.keys()].filter(isComposed).map((index) => [index]);
  for (let at = 0; at < plain.length; at += PER_POLICY) groups.push(plain.slice(at, at + PER_POLICY));
  return groups;
}

export interface Installed {
  /** What each comes to for that write. */
  outcomes(written: Written): Outcome[];
}

/** Installs expressions that the API server accepts, all of type bool, and waits until they judge. */
export async function installed(cluster: Cluster, asked: readonly Asked[]): Promise<Installed> {
  const groups = [...grouped(asked), []];
  for (const [number, indexes] of groups.entries()) {
    const name = `p${number}`;
    const composed = indexes.flatMap((index) => asked[index]?.composed ?? []);
    const own = indexes.map((index) => ({
      name: `e${index}`,
      expression: asked[index]?.expression ?? "",
    }));
    const annotations = indexes.map((index) => ({
      key: `e${index}`,
      valueExpression: `string(variables.e${index})`,
    }));
    // The last one tells that all before it are in force.
    const auditAnnotations = indexes.length > 0 ? annotations : [{ key: "last", valueExpression: "'seen'" }];
    // With Ignore an annotation that fails is left out; with Fail the write is refused.
    const spec = { failurePolicy: "Ignore", variables: [...composed, ...own], auditAnnotations };
    await cluster.make(POLICIES, policy(name, spec));
    await cluster.make(BINDINGS, bound(name));
  }
  const last = `p${groups.length - 1}/last`;
  const probe = { apiVersion: `${GROUP}/v1`, kind: "Thing", metadata: { name: "probe" } };
  for (let attempt = 0; ; attempt++) {
    const path = `/apis/${GROUP}/v1/namespaces/default/things`;
    const { annotations } = await cluster.write({ method: "POST", path, body: probe });
    if (annotations[last] === "seen") break;
    if (attempt > 1_000) throw new Error("the policies are not in force");
  }
  const policyOf = new Map(groups.flatMap((indexes, number) => indexes.map((index) => [index, number])));
  const outcomes = ({ annotations }: Written) => {
    if (annotations[last] !== "seen") throw new Error("the policies are no longer in force");
    return [...asked.keys()].map((index): Outcome => {
      const said = annotations[`p${policyOf.get(index)}/e${index}`];
      return said === "true" || said === "false" ? said : "error";
    });
  };
  return { outcomes };
}
