/** Ways around what watches the agent: admission, the API server, Hoop itself. */
import { asks, CHANGES, type Check, READS, WRITES } from "./check.ts";

const IN_CLUSTER = { cluster: true } as const;

export const GUARD_CHECKS: readonly Check[] = [
  {
    id: "admission-registrations",
    severity: "critical",
    title: "changes admission webhooks and policies",
    detail:
      "These kinds are exempt from admission webhooks. With them it takes Hoop out, or registers a webhook of its own " +
      "that is sent every Secret that is written.",
    ways: [35, 37],
    control: "AC-25",
    asks: () =>
      asks(
        "admissionregistration.k8s.io",
        [
          "validatingwebhookconfigurations",
          "mutatingwebhookconfigurations",
          "validatingadmissionpolicies",
          "validatingadmissionpolicybindings",
          "mutatingadmissionpolicies",
          "mutatingadmissionpolicybindings",
        ],
        WRITES,
        IN_CLUSTER,
      ),
  },
  {
    id: "apiservices",
    severity: "critical",
    judged: "info",
    title: "decides which server answers for an API",
    detail: "An APIService can send a group's requests, people's included, to a server of the agent's.",
    ways: [52, 57],
    control: "SC-7",
    asks: () => asks("apiregistration.k8s.io", ["apiservices"], WRITES, IN_CLUSTER),
  },
  {
    id: "custom-resources",
    severity: "high",
    judged: "info",
    title: "changes what kinds there are",
    detail: "A conversion webhook sees and alters every stored object of its kind.",
    ways: [53],
    control: "CM-5",
    asks: () => asks("apiextensions.k8s.io", ["customresourcedefinitions"], WRITES, IN_CLUSTER),
  },
  {
    id: "api-status",
    severity: "low",
    title: "marks parts of the API as absent",
    detail:
      "The status of an APIService or CustomResourceDefinition says whether its kinds are served, Hoop's included.",
    ways: [38, 57],
    control: "CM-5",
    asks: () => [
      ...asks("apiregistration.k8s.io", ["apiservices/status"], ["update", "patch"], IN_CLUSTER),
      ...asks("apiextensions.k8s.io", ["customresourcedefinitions/status"], ["update", "patch"], IN_CLUSTER),
    ],
  },
  {
    id: "hoop-namespace-read",
    severity: "medium",
    title: "reads in Hoop's namespace",
    detail: "Logs, configuration and names of what guards it.",
    ways: [69],
    control: "AC-6",
    asks: ({ ownNamespace }) =>
      asks("", ["pods", "pods/log", "configmaps", "persistentvolumeclaims", "serviceaccounts"], READS, {
        namespaces: [ownNamespace],
      }),
  },
  {
    id: "hoop-namespace-write",
    severity: "high",
    judged: "info",
    title: "changes things in Hoop's namespace",
    detail: "Hoop stopped, starved, or run with other code and its own ServiceAccount.",
    ways: [38, 69],
    control: "CM-5",
    asks: ({ ownNamespace }) => {
      const there = { namespaces: [ownNamespace] };
      return [
        ...asks(
          "",
          ["pods", "configmaps", "services", "serviceaccounts", "resourcequotas", "persistentvolumeclaims"],
          WRITES,
          there,
        ),
        ...asks("", ["pods/eviction"], ["create"], there),
        ...asks("apps", ["statefulsets", "statefulsets/scale"], CHANGES, there),
        ...asks("networking.k8s.io", ["networkpolicies"], WRITES, there),
      ];
    },
  },
  {
    id: "unsafe-delete",
    severity: "high",
    title: "deletes what cannot be read, without admission",
    detail: "The verb unsafe-delete-ignore-read-errors skips every admission plugin.",
    ways: [51],
    control: "CM-5",
    asks: () => [
      ...asks("", ["secrets", "configmaps"], ["unsafe-delete-ignore-read-errors"]),
      ...asks(
        "apiextensions.k8s.io",
        ["customresourcedefinitions"],
        ["unsafe-delete-ignore-read-errors"],
        IN_CLUSTER,
      ),
    ],
  },
  {
    id: "flow-control",
    severity: "low",
    judged: "info",
    title: "decides whose requests are served first",
    detail: "Hoop's own calls, and people's, can be starved.",
    ways: [39, 65],
    control: "SC-5",
    asks: () =>
      asks(
        "flowcontrol.apiserver.k8s.io",
        ["flowschemas", "prioritylevelconfigurations"],
        WRITES,
        IN_CLUSTER,
      ),
  },
  {
    id: "server-internals",
    severity: "medium",
    title: "reads the API server's own logs and profiles",
    detail: "/logs/ is /var/log of its host: the audit log is often there, and what containers print.",
    ways: [11, 14],
    control: "AU-9",
    asks: () =>
      ["/logs/", "/debug/pprof/", "/debug/api_priority_and_fairness/dump_requests"].map((path) => ({
        path,
        verbs: ["get"],
      })),
  },
  {
    id: "wildcard",
    severity: "medium",
    title: "may do everything",
    detail: "Also with every kind that is installed later.",
    ways: [41],
    control: "AC-6",
    asks: () => [{ verbs: ["*"], group: "*", resource: "*" }],
  },
];
