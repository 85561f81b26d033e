/** What a held request stands on at one moment: where its approval lives, what it goes to, and what it refers to. */
import { type AdmissionRequest, askerOf, member, targetName, targetNamespace, text } from "../admission.ts";
import type { ForwardedPorts } from "../connect.ts";
import { type Referred, referencesOf, referredWords } from "../digest/refers-to.ts";
import { digestOf, type Subject } from "../digest.ts";
import type { PodSpecPaths } from "../policy/facts/workload.ts";
import type { PolicyLookups } from "../policy/ports.ts";
import type { Cluster, Lookup } from "../ports.ts";
import type { Question } from "./ask.ts";

export interface GroundPorts {
  cluster: Cluster;
  /** Tells what a CONNECT, or a CREATE of a subresource, goes to. */
  policies: Pick<PolicyLookups, "target">;
  installationNamespace: string;
  volatilePaths: readonly string[];
  /** The key that digests are made with. */
  installationKey: string;
  /** Where kinds have their pod specs; left out, the built-in kinds alone. */
  workloads?: PodSpecPaths;
  /** The ports that sessions of this profile may forward; left out, any. */
  forwardedPorts?: (profile: string) => ForwardedPorts;
}

/** So many may be looked up for one request. */
const MOST_REFERENCES = 100;

export type Ground =
  | { kind: "ground"; on: Pick<Question, "asked" | "refersTo" | "forwarded"> }
  | { kind: "deny"; message: string }
  | { kind: "could-not-tell"; why: string };

/** The digest, by what of the cluster the request stands on at this moment. */
export async function groundOf(ports: GroundPorts, request: AdmissionRequest): Promise<Ground> {
  const connect = await connectUid(ports, request);
  if (!connect.known) return { kind: "could-not-tell", why: connect.why };
  const references = referencesOf(request, ports.workloads);
  if (references.length > MOST_REFERENCES)
    return {
      kind: "deny",
      message: `it refers to ${references.length} Secrets, ConfigMaps and the like: more than ${MOST_REFERENCES} cannot be held`,
    };
  const refersTo: Referred[] = [];
  const found = await Promise.all(
    references.map(async (reference) => ({ reference, ...(await ports.cluster.referent(reference)) })),
  );
  for (const { reference, ...one } of found) {
    if (!one.known) return { kind: "could-not-tell", why: one.why };
    refersTo.push({ reference, state: one.state });
  }
  const forwarded = forwardedOf(ports, request);
  const asked = digestOf(request, subjectOf(request), {
    ...(forwarded === undefined ? {} : { forwarded }),
    connectUid: connect.uid,
    refersTo,
    volatilePaths: ports.volatilePaths,
    key: ports.installationKey,
  });
  const shown = refersTo.map((one) => referredWords(one, ports.installationKey));
  return { kind: "ground", on: { asked, refersTo: shown, forwarded } };
}

function forwardedOf(
  { forwardedPorts }: GroundPorts,
  { session, subresource }: AdmissionRequest,
): ForwardedPorts {
  return session === undefined || subresource !== "portforward"
    ? undefined
    : forwardedPorts?.(session.profile);
}

/** Two sessions that act as one ServiceAccount are two agents. */
function subjectOf(request: AdmissionRequest): Subject {
  const { username } = askerOf(request);
  return { username, ...(request.session === undefined ? {} : { session: request.session.uid }) };
}

/** A namespaced target's approval lives in its namespace, every other in the installation's. */
export async function homeOf(ports: GroundPorts, request: AdmissionRequest) {
  const name = targetNamespace(request) || ports.installationNamespace;
  return { name, ...(await ports.cluster.namespaceUid(name)) };
}

async function connectUid({ policies }: GroundPorts, request: AdmissionRequest): Promise<Lookup> {
  // A review of these says only the name of what they go to, and a pod of that name may be another one by then.
  const goesToParent =
    request.operation === "CONNECT" || (request.operation === "CREATE" && request.subresource !== "");
  if (!goesToParent) return { known: true, uid: "" };
  const found = await policies.target(request);
  if (!found.known) return found;
  if (found.object !== null) return { known: true, uid: text(member(found.object, "metadata"), "uid") };
  return { known: false, why: `${request.resource.resource} ${targetName(request)} does not exist` };
}
