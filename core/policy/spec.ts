/**
 * What an AgentPolicy says (policy.hoop.dev/v1alpha1): its words are those of ValidatingAdmissionPolicy wherever that
 * has one. The CustomResourceDefinition in deploy/ has the same shape; the shipped catalogue is written in it too.
 */
import Type, { type Static } from "typebox";

const closed = { additionalProperties: false };
const Text = Type.String();
const Texts = Type.Array(Text);
const Expression = Type.String({ minLength: 1, maxLength: 20_000, description: "CEL." });

const oneOf = <T extends string>(values: readonly T[]) =>
  Type.Unsafe<T>(Type.Union(values.map((value) => Type.Literal(value))));

export const Selector = Type.Object(
  {
    matchLabels: Type.Optional(Type.Record(Text, Text)),
    matchExpressions: Type.Optional(
      Type.Array(
        Type.Object(
          {
            key: Text,
            operator: oneOf(["In", "NotIn", "Exists", "DoesNotExist"] as const),
            values: Type.Optional(Texts),
          },
          closed,
        ),
      ),
    ),
  },
  closed,
);
export type Selector = Static<typeof Selector>;

/** As NamedRuleWithOperations of admissionregistration.k8s.io/v1. */
export const ResourceRule = Type.Object(
  {
    apiGroups: Texts,
    apiVersions: Type.Optional(Texts),
    operations: Texts,
    resources: Type.Array(Text, {
      description:
        "`pods`, `pods/exec`, `pods/*`, `*/scale`, `*` for all resources, `*/*` for subresources as well.",
    }),
    resourceNames: Type.Optional(Texts),
    scope: Type.Optional(
      Type.Union([Type.Literal("*"), Type.Literal("Cluster"), Type.Literal("Namespaced")]),
    ),
  },
  closed,
);
export type ResourceRule = Static<typeof ResourceRule>;

/** As MatchResources of admissionregistration.k8s.io/v1, always `Equivalent`. Left out: every request. */
export const MatchConstraints = Type.Object(
  {
    resourceRules: Type.Optional(Type.Array(ResourceRule)),
    excludeResourceRules: Type.Optional(Type.Array(ResourceRule)),
    namespaceSelector: Type.Optional(Selector),
    objectSelector: Type.Optional(Selector),
  },
  closed,
);
export type MatchConstraints = Static<typeof MatchConstraints>;

const Named = Type.Object({ name: Type.String({ minLength: 1 }), expression: Expression }, closed);

const duration = (what: string) =>
  Type.String({
    pattern: "^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$",
    description: `${what}, such as 90s, 10m, 1h.`,
  });

/** Who decides what a rule holds, and for how long it holds. What is left out comes from Hoop's settings. */
export const ApprovalTerms = Type.Object(
  {
    groups: Type.Optional(Type.Array(Type.String({ minLength: 1 }))),
    count: Type.Optional(Type.Integer({ minimum: 1, maximum: 10 })),
    expiresIn: Type.Optional(duration("For how long the question is open")),
    validFor: Type.Optional(duration("For how long an approval may be used")),
    maxWait: Type.Optional(
      duration("How long the agent's command waits before it ends and says how to go on"),
    ),
  },
  closed,
);
export type ApprovalTerms = Static<typeof ApprovalTerms>;

const ACTIONS = ["Hold", "Deny"] as const;
const MODES = ["Enforce", "Warn", "Audit"] as const;
const SEVERITIES = ["Low", "Medium", "High", "Critical"] as const;

export const PolicyRule = Type.Object(
  {
    name: Type.String({ pattern: "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", maxLength: 63 }),
    matchConstraints: Type.Optional(MatchConstraints),
    when: Type.Optional(Expression),
    action: oneOf(ACTIONS),
    mode: Type.Optional(oneOf(MODES)),
    message: Type.Optional(Type.String({ description: "Why, told to the agent and to whoever decides." })),
    messageExpression: Type.Optional(Expression),
    approval: Type.Optional(ApprovalTerms),
    severity: Type.Optional(oneOf(SEVERITIES)),
    description: Type.Optional(
      Type.String({ description: "For who maintains it: the risk, and how to narrow it." }),
    ),
    controls: Type.Optional(
      Type.Array(Text, { description: "NIST SP 800-53 controls it serves, such as AC-6." }),
    ),
  },
  closed,
);
export type PolicyRule = Static<typeof PolicyRule>;

/** For requests of which `when` is true, that rule of the shipped catalogue is in this mode, or on these terms. */
export const CatalogueEntry = Type.Object(
  {
    rule: Type.String({ minLength: 1 }),
    when: Type.Optional(Expression),
    mode: Type.Optional(oneOf([...MODES, "Off"] as const)),
    approval: Type.Optional(ApprovalTerms),
  },
  closed,
);
export type CatalogueEntry = Static<typeof CatalogueEntry>;

export const AgentPolicySpec = Type.Object(
  {
    matchConstraints: Type.Optional(MatchConstraints),
    matchConditions: Type.Optional(Type.Array(Named)),
    paramKind: Type.Optional(Type.Object({ apiVersion: Text, kind: Text }, closed)),
    paramRef: Type.Optional(
      Type.Object(
        {
          name: Type.String({ minLength: 1 }),
          namespace: Type.Optional(Text),
          parameterNotFoundAction: Type.Optional(oneOf(["Allow", "Deny"] as const)),
        },
        closed,
      ),
    ),
    variables: Type.Optional(Type.Array(Named)),
    rules: Type.Optional(Type.Array(PolicyRule)),
    catalogue: Type.Optional(Type.Array(CatalogueEntry)),
  },
  closed,
);
export type AgentPolicySpec = Static<typeof AgentPolicySpec>;

/** As it is stored in the cluster, or stands in a file. */
export interface AgentPolicy {
  metadata: { name: string; uid?: string; generation?: number };
  spec: AgentPolicySpec;
}
