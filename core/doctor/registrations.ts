/** Whether what stands in an agent's way stands there: Hoop's registrations, as they are in the cluster now. */
import type { ApiService, Facts, MatchCondition, Webhook } from "./facts.ts";
import type { Finding } from "./finding.ts";

const VALIDATING = "ValidatingWebhookConfiguration/hoop";
const API_SERVICE = "v1alpha1.hoop.dev";
const APPLY = {
  says: "apply Hoop's own file again",
  command: "kubectl apply --server-side -f deploy/base/registrations.yaml",
};

/** A finding, and which of Hoop's webhooks are wrong in this way. */
type Row = Omit<Finding, "agents" | "openings"> & { wrong: (webhook: Webhook) => boolean };

const OPERATIONS = ["CREATE", "UPDATE", "DELETE", "CONNECT"];

/** What may be wrong with the webhook that judges. */
const ROWS: readonly Row[] = [
  {
    id: "registration-fails-open",
    severity: "critical",
    title: "Hoop's webhook is not asked when it cannot be reached",
    detail: "failurePolicy is not Fail: whoever makes Hoop slow or absent does as they like.",
    ways: [38, 39],
    control: "AC-25",
    objects: [VALIDATING],
    fix: [APPLY],
    wrong: ({ failurePolicy }) => failurePolicy !== "Fail",
  },
  {
    id: "registration-rules",
    severity: "critical",
    title: "Hoop's webhook is not asked about every resource and operation",
    detail: "Its rules are narrower than every group, version, resource and subresource.",
    ways: [41, 42, 43],
    control: "AC-25",
    objects: [VALIDATING],
    fix: [APPLY],
    wrong: ({ rules = [] }) =>
      !rules.some(
        ({ apiGroups, apiVersions, resources, operations, scope = "*" }) =>
          [apiGroups, apiVersions].every((list) => list.includes("*")) &&
          resources.includes("*/*") &&
          scope === "*" &&
          (operations.includes("*") || OPERATIONS.every((operation) => operations.includes(operation))),
      ),
  },
  {
    id: "registration-selectors",
    severity: "high",
    title: "labels take objects or namespaces out of Hoop's sight",
    detail: "Whoever may set such a label leaves the selector.",
    ways: [36],
    control: "AC-25",
    objects: [VALIDATING],
    fix: [APPLY],
    wrong: ({ namespaceSelector, objectSelector }) => selects(namespaceSelector) || selects(objectSelector),
  },
  {
    id: "registration-match-policy",
    severity: "high",
    title: "other versions of a resource pass Hoop's webhook",
    detail: "matchPolicy is not Equivalent.",
    ways: [41],
    control: "AC-25",
    objects: [VALIDATING],
    fix: [APPLY],
    wrong: ({ matchPolicy = "Equivalent" }) => matchPolicy !== "Equivalent",
  },
  {
    id: "registration-conditions",
    severity: "critical",
    title: "conditions beside Hoop's own take requests out",
    detail: "The webhook has other matchConditions than the one that says who is an agent.",
    ways: [36, 41],
    control: "AC-25",
    objects: [VALIDATING],
    fix: [APPLY],
    wrong: ({ matchConditions = [] }) => matchConditions.some(({ name }) => name !== "agents"),
  },
  {
    id: "registration-trust",
    severity: "low",
    title: "the API server cannot check whom it asks",
    detail: "The webhook has no caBundle: until Hoop has put it there, agents are refused.",
    ways: [38],
    control: "SC-23",
    objects: [VALIDATING],
    fix: [{ says: "start Hoop, or see in its log why it may not write it" }],
    wrong: ({ clientConfig }) => !clientConfig.caBundle,
  },
];

export function registrationFindings(facts: Facts): Finding[] {
  const { validating } = facts;
  if (validating === undefined) return [];
  const webhooks = judging(facts);
  if (webhooks.length === 0)
    return [
      finding({
        id: "registration-missing",
        severity: "critical",
        title: "nothing sends agents' writes to Hoop",
        detail: "There is no ValidatingWebhookConfiguration hoop, or no webhook in it.",
        ways: [35, 38],
        control: "AC-25",
        objects: [VALIDATING],
        fix: [APPLY],
      }),
    ];
  return [
    ...ROWS.filter(({ wrong }) => webhooks.some(wrong)).map(({ wrong: _, ...row }) => finding(row)),
    ...stampFindings(facts, webhooks),
    ...configFindings(facts),
    ...apiServiceFindings(facts),
    ...rewriters(facts),
  ];
}

/** What checks people's writes guards nothing: it must be there, and in nobody's way. */
function configFindings({ validating = [] }: Facts): Finding[] {
  const webhooks = validating.find(({ metadata }) => metadata.name === "config.hoop.dev")?.webhooks ?? [];
  if (webhooks.length > 0 && webhooks.every(({ failurePolicy }) => failurePolicy === "Ignore")) return [];
  return [
    finding({
      id: "config-registration",
      severity: "low",
      title: "what people write of policies is not checked, or not without Hoop",
      detail:
        webhooks.length === 0
          ? "There is no ValidatingWebhookConfiguration config.hoop.dev: what does not compile is only seen when it denies."
          : "Its failurePolicy is not Ignore: while Hoop is away, policies and annotations cannot be written.",
      ways: [38],
      control: "CM-5",
      objects: ["ValidatingWebhookConfiguration/config.hoop.dev"],
      fix: [
        {
          says: "apply Hoop's own file again",
          command: "kubectl apply --server-side -f deploy/base/config-registration.yaml",
        },
      ],
    }),
  ];
}

/** Of an installation, not of an agent. */
function finding(row: Omit<Finding, "agents" | "openings">): Finding {
  return { agents: [], openings: [], ...row };
}

function judging({ validating = [] }: Facts): readonly Webhook[] {
  return validating.find(({ metadata }) => metadata.name === "hoop")?.webhooks ?? [];
}

/** Hoop's own condition, undefined where it is not there yet. */
export function agentsExpression(facts: Facts): string | undefined {
  return judging(facts)
    .map(agentsIn)
    .find((expression) => expression !== undefined);
}

/** Whether a write that the expression covers is judged, whatever it is. */
export function judgesAll(facts: Facts): boolean {
  const webhooks = judging(facts);
  return (
    webhooks.length > 0 && ROWS.every(({ wrong, severity }) => severity === "low" || !webhooks.some(wrong))
  );
}

function agentsIn({
  matchConditions = [],
}: {
  matchConditions?: readonly MatchCondition[];
}): string | undefined {
  return matchConditions.find(({ name }) => name === "agents")?.expression;
}

/** `{}` is what the API server fills in where nothing is selected. */
function selects(selector: object | undefined): boolean {
  return selector !== undefined && Object.values(selector).some((part) => Object.keys(part ?? {}).length > 0);
}

function stampFindings(facts: Facts, webhooks: readonly Webhook[]): Finding[] {
  const { mutating, mutatingPolicies: policies, mutatingPolicyBindings: bindings } = facts;
  if (mutating === undefined || policies === undefined || bindings === undefined) return [];
  const policy = policies.find(({ metadata }) => metadata.name === "hoop");
  const binding = bindings.find(({ spec }) => spec?.policyName === "hoop");
  const byWebhook = mutating.find(({ metadata }) => metadata.name === "hoop")?.webhooks ?? [];
  const byPolicy = policy !== undefined && binding !== undefined;
  const common = { ways: [29], control: "AU-10" };
  if (!byPolicy && byWebhook.length === 0)
    return [
      finding({
        ...common,
        id: "stamp-missing",
        severity: "medium",
        title: "what agents make does not carry their name",
        detail: "Neither the MutatingAdmissionPolicy hoop with its binding nor the webhook hoop is there.",
        objects: ["MutatingAdmissionPolicy/hoop"],
        fix: [{ says: "apply it", command: "kubectl apply --server-side -f deploy/base/stamp-policy.yaml" }],
      }),
    ];
  const conditions = [...webhooks, ...byWebhook].map(agentsIn);
  const all = [...conditions, ...(byPolicy ? [agentsIn(policy.spec ?? {})] : [])];
  if (new Set(all.filter((one) => one !== undefined)).size <= 1) return [];
  return [
    finding({
      ...common,
      id: "stamp-conditions",
      severity: "medium",
      title: "who is stamped is not who is judged",
      detail: "The matchCondition agents differs between what judges and what stamps.",
      objects: [VALIDATING, "MutatingAdmissionPolicy/hoop"],
      fix: [{ says: "Hoop keeps them equal while it runs: see in its log why it may not" }],
    }),
  ];
}

function apiServiceFindings({ apiServices }: Facts): Finding[] {
  const own = apiServices?.find(({ metadata }) => metadata.name === API_SERVICE);
  if (own === undefined) return [];
  const common = { control: "SC-23", objects: [`APIService/${API_SERVICE}`] };
  const unchecked = own.spec.insecureSkipTLSVerify === true;
  return unchecked
    ? [
        finding({
          ...common,
          id: "apiservice-unchecked",
          severity: "high",
          title: "any server may answer for hoop.dev",
          detail: "insecureSkipTLSVerify is set: whoever can steer its traffic decides approvals.",
          ways: [33, 57],
          fix: [
            { says: "apply it again", command: "kubectl apply --server-side -f deploy/base/apiservice.yaml" },
          ],
        }),
      ]
    : [];
}

/** They run before Hoop judges, so it sees their result; but what they add is theirs, not the agent's. */
function rewriters({ mutating = [], mutatingPolicies = [] }: Facts): Finding[] {
  const others = [
    ...mutating.map(({ metadata }) => `MutatingWebhookConfiguration/${metadata.name}`),
    ...mutatingPolicies.map(({ metadata }) => `MutatingAdmissionPolicy/${metadata.name}`),
  ].filter((name) => !name.endsWith("/hoop"));
  if (others.length === 0) return [];
  return [
    finding({
      id: "other-mutators",
      severity: "info",
      title: "others rewrite what agents write",
      detail:
        "Hoop judges the result. What they fill in anew each time may keep an approval from fitting (digest.volatilePaths).",
      ways: [48],
      control: "CM-5",
      objects: others,
      fix: [],
    }),
  ];
}

/** Served by another process than kube-apiserver, and not by Hoop. */
export function foreignServices({ apiServices = [] }: Facts): readonly ApiService[] {
  return apiServices.filter(
    ({ metadata, spec }) => spec.service !== undefined && metadata.name !== API_SERVICE,
  );
}

/** Where Hoop is installed, as its registrations say. */
export function installationNamespace(facts: Facts): string {
  const ofService = facts.apiServices?.find(({ metadata }) => metadata.name === API_SERVICE)?.spec.service
    ?.namespace;
  const ofWebhook = judging(facts).map(({ clientConfig }) => clientConfig.service?.namespace);
  return ofService ?? ofWebhook.find((namespace) => namespace !== undefined) ?? "hoop-system";
}

/** Part of a path that is meant to be secret, where the webhook is called without the API server's certificate. */
export function hasSecretPath(facts: Facts): boolean {
  return judging(facts).some(({ clientConfig }) => (clientConfig.service?.path ?? "").split("/").length > 2);
}
