/** Who the agents are, and what becomes of what they ask for. */
import Type from "typebox";
import { Names, Seconds, strict } from "./shapes.ts";

export const Agents = Type.Object(
  {
    groups: Type.Array(Type.String(), { default: ["hoop:agents"] }),
    users: Names,
    serviceAccounts: Type.Array(Type.String({ pattern: "^[^/:]+/[^/:]+$" }), {
      default: [],
      description: "NAMESPACE/NAME.",
    }),
    extras: Type.Record(Type.String(), Type.Array(Type.String()), { default: {} }),
  },
  strict,
);

export const Hold = Type.Object(
  {
    maxWaitSeconds: Type.Integer({
      minimum: 0,
      maximum: 280,
      default: 100,
      description:
        "How long a client that asks again by itself is kept waiting. Agents' shells often end a silent command at 120 s.",
    }),
    maxWaiters: Type.Integer({
      minimum: 0,
      default: 50,
      description:
        "How many held requests may wait here at once; the rest are told when to ask again. Keep it below half of the seats of the agents' priority level.",
    }),
    maxPendingPerAgent: Type.Integer({
      minimum: 1,
      default: 100,
      description:
        "How many requests of one agent may wait for people at once; more are denied, so that nobody is buried in them.",
    }),
    pendingSeconds: Seconds(3600),
    approvedSeconds: Seconds(600),
    approvers: Type.Object({ groups: Names, count: Type.Integer({ minimum: 1, default: 1 }) }, strict),
  },
  strict,
);

export const Digest = Type.Object(
  {
    volatilePaths: Type.Array(Type.String(), {
      default: [],
      description: "Dotted paths that other mutating webhooks fill with chance or time.",
    }),
  },
  strict,
);

export const Workloads = Type.Array(
  Type.Object(
    {
      group: Type.String({ description: "The API group." }),
      resource: Type.String({ minLength: 1, description: "Its plural name." }),
      path: Type.String({
        pattern: "^[^.]+(\\.[^.]+)*$",
        description: "Where its pods are described, such as spec.template.spec.",
      }),
    },
    { additionalProperties: false },
  ),
  {
    default: [],
    description:
      "Kinds with pod templates beside Kubernetes' own, such as those of CustomResourceDefinitions.",
  },
);

export const Secrets = Type.Object(
  {
    reveal: Type.Array(
      Type.Object(
        { keys: Type.Array(Type.String(), { minItems: 1 }), types: Names, namespaces: Names },
        { additionalProperties: false },
      ),
      {
        default: [],
        description:
          "Which keys of Secrets are no secret (ca.crt, tls.crt): secure-secrets shows them as they are. No types or namespaces: all.",
      },
    ),
  },
  strict,
);

export const Audit = Type.Object(
  {
    waitSeconds: Type.Integer({
      minimum: 1,
      default: 60,
      description:
        "How long the API server's audit event of a write may take, where events come: after that the object is looked at, or a gap is recorded.",
    }),
  },
  strict,
);

export const Doctor = Type.Object(
  {
    everySeconds: Type.Integer({
      minimum: 0,
      default: 3600,
      description: "How often the cluster is examined for ways around Hoop. 0: never.",
    }),
  },
  strict,
);
