/** The settings of the Hoop server: one schema with its defaults. */
import Type, { type Static } from "typebox";
import { Agents, Audit, Digest, Doctor, Hold, Secrets, Workloads } from "./agents.ts";
import { Exchange } from "./exchange.ts";
import { Backups, Ledger, Search, Store } from "./keeping.ts";
import { Callback, Callers, Listen, Log, Shutdown } from "./server.ts";

export const Settings = Type.Object(
  {
    namespace: Type.String({ default: "hoop-system", description: "Where Hoop is installed." }),
    service: Type.String({ default: "hoop", description: "The Service in front of it." }),
    kubeconfig: Type.Optional(Type.String({ description: "Left out: the pod's own ServiceAccount." })),
    identity: Type.String({
      default: "system:serviceaccount:hoop-system:hoop",
      description: "The user Hoop is to the API server; never an agent.",
    }),
    listen: Listen,
    store: Store,
    search: Search,
    certificates: Type.String({
      default: "/var/lib/hoop/certificates",
      description: "Directory of CA and certificates; what is missing is made.",
    }),
    ledger: Ledger,
    backups: Backups,
    audit: Audit,
    agents: Agents,
    hold: Hold,
    digest: Digest,
    workloads: Workloads,
    exchange: Exchange,
    secrets: Secrets,
    doctor: Doctor,
    callers: Callers,
    callback: Callback,
    log: Log,
    shutdown: Shutdown,
  },
  { additionalProperties: false },
);
export type Settings = Static<typeof Settings>;
