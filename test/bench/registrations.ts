/** What the targets are registered as: all at once, each for its own namespace, so that they can take turns. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import type { Testbed } from "../support/testbed.ts";
import type { NullWebhook } from "./null-webhook.ts";

export const NAMESPACES = {
  none: "bench-none",
  policy: "bench-policy",
  nothing: "bench-null",
  stamped: "bench-stamped",
  hoop: "bench-hoop",
} as const;

/** Whose writes are stamped as an agent's are, though Hoop knows nothing of them. */
export const STAMPED_GROUP = "bench:stamped";

const SERVICE = "null";
export const NULL_HOST = `${SERVICE}.${NAMESPACES.nothing}.svc`;

const API = "admissionregistration.k8s.io/v1";
const STAMP_POLICY = join(import.meta.dirname, "..", "..", "deploy", "base", "stamp-policy.yaml");
const EXPRESSION =
  "!object.spec.?template.?spec.orValue(object.spec).containers.exists(c, c.?securityContext.?privileged.orValue(false))";
const RULES = [
  {
    apiGroups: ["", "apps"],
    apiVersions: ["v1"],
    resources: ["pods", "deployments"],
    operations: ["CREATE", "UPDATE"],
  },
];

const within = (operator: "In" | "NotIn", ...values: string[]) => ({
  matchExpressions: [{ key: "kubernetes.io/metadata.name", operator, values }],
});

/** Everything but Hoop, which the testbed has registered: it is only kept out of the other targets' namespaces. */
export async function register(bed: Testbed, webhook: NullWebhook): Promise<void> {
  for (const name of Object.values(NAMESPACES)) await bed.controlPlane.createNamespace(name);
  await bed.apply([
    ...access(),
    ...validatingPolicy(),
    ...nullRegistration(webhook),
    ...(await stampPolicy()),
  ]);
  await keepHoopOut(bed);
}

/** Everybody here may do everything, and has the seats of agents, so that queues are no part of the comparison. */
function access(): object[] {
  const group = { kind: "Group", name: "bench" };
  return [
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata: { name: "bench" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
      subjects: [{ apiGroup: "rbac.authorization.k8s.io", ...group }],
    },
    {
      apiVersion: "flowcontrol.apiserver.k8s.io/v1",
      kind: "FlowSchema",
      metadata: { name: "bench" },
      spec: {
        priorityLevelConfiguration: { name: "hoop-agents" },
        matchingPrecedence: 92,
        distinguisherMethod: { type: "ByUser" },
        rules: [
          {
            subjects: [{ kind: "Group", group: { name: group.name } }],
            resourceRules: [
              { apiGroups: ["*"], resources: ["*"], verbs: ["*"], clusterScope: true, namespaces: ["*"] },
            ],
          },
        ],
      },
    },
  ];
}

function validatingPolicy(): object[] {
  const metadata = { name: "bench" };
  return [
    {
      apiVersion: API,
      kind: "ValidatingAdmissionPolicy",
      metadata,
      spec: {
        failurePolicy: "Fail",
        matchConstraints: { resourceRules: RULES },
        validations: [{ expression: EXPRESSION }],
      },
    },
    {
      apiVersion: API,
      kind: "ValidatingAdmissionPolicyBinding",
      metadata,
      spec: {
        policyName: "bench",
        validationActions: ["Deny"],
        matchResources: { namespaceSelector: within("In", NAMESPACES.policy) },
      },
    },
  ];
}

/** By Service, as Hoop is: kube-apiserver then speaks HTTP/1.1. Where objects are stamped, it has a condition as Hoop has. */
function nullRegistration(webhook: NullWebhook): object[] {
  const entry = (name: string, namespace: string, rest: object) => ({
    name,
    admissionReviewVersions: ["v1"],
    clientConfig: {
      service: { namespace: NAMESPACES.nothing, name: SERVICE, port: webhook.port, path: "/" },
      caBundle: Buffer.from(webhook.ca).toString("base64"),
    },
    rules: RULES,
    namespaceSelector: within("In", namespace),
    sideEffects: "None",
    timeoutSeconds: 10,
    ...rest,
  });
  return [
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: SERVICE, namespace: NAMESPACES.nothing },
      spec: { type: "ExternalName", externalName: "localhost" },
    },
    {
      apiVersion: API,
      kind: "ValidatingWebhookConfiguration",
      metadata: { name: "bench-null" },
      webhooks: [
        entry("null.bench.dev", NAMESPACES.nothing, {}),
        entry("null-stamped.bench.dev", NAMESPACES.stamped, {
          matchConditions: [{ name: "agents", expression: IS_STAMPED }],
        }),
      ],
    },
  ];
}

const IS_STAMPED = `has(request.userInfo.groups) && "${STAMPED_GROUP}" in request.userInfo.groups`;

interface Manifest {
  kind: string;
  metadata: object;
  spec: Record<string, unknown> & { matchConditions?: { name: string; expression: string }[] };
}

/** Hoop's own policy once more, for others than agents. */
async function stampPolicy(): Promise<object[]> {
  const documents = parseAllDocuments(await readFile(STAMP_POLICY, "utf8"));
  return documents.map((document) => {
    const { kind, spec, ...rest } = document.toJS() as Manifest;
    const changed = kind.endsWith("Binding")
      ? {
          policyName: "bench-stamped",
          matchResources: { namespaceSelector: within("In", NAMESPACES.stamped) },
        }
      : {
          matchConditions: spec.matchConditions?.map((condition) =>
            condition.name === "agents" ? { ...condition, expression: IS_STAMPED } : condition,
          ),
        };
    return { ...rest, kind, metadata: { name: "bench-stamped" }, spec: { ...spec, ...changed } };
  });
}

async function keepHoopOut(bed: Testbed): Promise<void> {
  const { hoop: _, ...others } = NAMESPACES;
  const selector = within("NotIn", ...Object.values(others));
  const patch = async (resource: string, operations: object[]) =>
    bed.must("human", ["patch", resource, "hoop", "--type=json", "-p", JSON.stringify(operations)]);
  const onWebhook = [{ op: "add", path: "/webhooks/0/namespaceSelector", value: selector }];
  const found = async (resource: string) =>
    (await bed.kubectl("human", ["get", resource, "hoop"])).code === 0;
  await patch("validatingwebhookconfiguration", onWebhook);
  if (await found("mutatingwebhookconfiguration")) await patch("mutatingwebhookconfiguration", onWebhook);
  if (await found("mutatingadmissionpolicybinding"))
    await patch("mutatingadmissionpolicybinding", [
      { op: "add", path: "/spec/matchResources", value: { namespaceSelector: selector } },
    ]);
}
