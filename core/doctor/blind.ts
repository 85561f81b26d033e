/** What no question to the API server can settle: said, so that silence is not taken for an answer. */
import type { NotChecked } from "./finding.ts";

export const BLIND: readonly NotChecked[] = [
  {
    what: "etcd, the API server's host, static pods and container runtimes",
    why: "whoever reaches these needs no API; see who may log in there, and whether etcd asks for certificates",
    could: false,
  },
  {
    what: "kubelets asked directly on port 10250",
    why: "only their own configuration says whether they let anonymous callers in",
    could: false,
  },
  {
    what: "group membership of people and programs",
    why: "certificates and tokens carry it, no object does: examine one with --agent USER --group GROUP",
    could: false,
  },
  {
    what: "other credentials an agent can find on its own machine",
    why: "a person's kubeconfig on the agent's disk makes it that person",
    could: false,
  },
  {
    what: "who else can call Hoop's ports",
    why: "whether NetworkPolicies are enforced depends on the network plugin",
    could: false,
  },
  {
    what: "the cluster's audit log",
    why: "whether agents' reads are in it, and who may read it, is the API server's configuration",
    could: false,
  },
  {
    what: "authorizers that allow something in single namespaces only",
    why: "RBAC's rules can be listed, those of other authorizers cannot; what they allow everywhere is found",
    could: false,
  },
];
