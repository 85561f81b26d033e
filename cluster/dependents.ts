/** What belongs to what in the cluster, kept current by watches of the metadata alone. */
import { type AdmissionRequest, type JsonObject, member, text } from "#core/admission.ts";
import {
  bindingAnnotations,
  DEPENDENT_KINDS,
  type Dependent,
  type Owned,
  Owners,
  TOO_MANY,
} from "#core/policy/dependents.ts";
import type { Known } from "#core/policy/ports.ts";
import type { Log } from "#core/ports.ts";
import type { Client } from "./client.ts";
import { type Following, follow, type Listed } from "./list-watch.ts";

export interface Dependents {
  /** What goes with what the request deletes; not known while a watch has been down for too long. */
  of(request: AdmissionRequest): Known<readonly Dependent[]>;
  /** Resolves when it is known what there is, or that it cannot be. */
  ready(): Promise<void>;
  stop(): Promise<void>;
}

/** A watch that ends is begun again at once; what is known is no older than this. Milliseconds. */
const GRACE = 30_000;
/** Clusters have very many pods: a list of them comes in parts, and no more than this is ever in memory. */
const PAGE = 500;

type Owning = Listed & {
  metadata: { namespace?: string; ownerReferences?: { uid: string }[]; annotations?: Record<string, string> };
};

export function dependents(client: Client, log: Log, now = () => performance.now()): Dependents {
  const owners = new Owners();
  const followed = DEPENDENT_KINDS.map(([apiVersion, kind, resource]) =>
    followKind(client, log, owners, { apiVersion, kind, resource }, now),
  );
  return {
    of(request) {
      const lost = followed.find(({ isFresh }) => !isFresh());
      if (lost !== undefined) return { known: false, why: `${lost.resource} are not known at the moment` };
      const found = foundIn(owners, request);
      return found === undefined ? TOO_MANY : { known: true, object: found };
    },
    async ready() {
      await Promise.all(followed.map(({ told }) => told));
    },
    async stop() {
      await Promise.all(followed.map(({ following }) => following.stop()));
    },
  };
}

function foundIn(owners: Owners, { resource, kind, oldObject }: AdmissionRequest): Dependent[] | undefined {
  const metadata = member(oldObject ?? {}, "metadata");
  const owned = owners.dependentsOf(text(metadata, "uid"), kind.kind);
  if (resource.group !== "" || resource.resource !== "namespaces") return owned;
  const within = owners.annotatedIn(text(metadata, "name"));
  return owned === undefined || within === undefined ? undefined : [...owned, ...within];
}

interface FollowedKind {
  resource: string;
  following: Following;
  /** Resolves when the first list is in or was refused. */
  told: Promise<unknown>;
  isFresh(): boolean;
}

function followKind(
  client: Client,
  log: Log,
  owners: Owners,
  { apiVersion, kind, resource }: { apiVersion: string; kind: string; resource: string },
  now: () => number,
): FollowedKind {
  const refused = Promise.withResolvers<void>();
  let lost: number | undefined;
  const put = (object: Owning) => owners.put(ownedOf(object, apiVersion, kind));
  const following = follow<Owning>(
    client,
    {
      path: `${apiVersion.includes("/") ? "/apis" : "/api"}/${apiVersion}/${resource}`,
      metadataOnly: true,
      page: PAGE,
      parse: slimmed,
      replace(all) {
        owners.forget(apiVersion, kind);
        for (const object of all) put(object);
        lost = now();
      },
      put,
      remove: ({ metadata }) => owners.remove(metadata.uid),
      lost: () => refused.resolve(),
      ended: () => {
        lost = now();
      },
    },
    log,
  );
  return {
    resource,
    following,
    told: Promise.race([following.ready(), refused.promise]),
    isFresh: () => following.live() || (lost !== undefined && now() - lost < GRACE),
  };
}

/** What counts of each object of a list or a watch, so that the rest is not kept until all are there. */
function slimmed(text: string): unknown {
  const value = JSON.parse(text) as { items?: Owning[] | null };
  return Array.isArray(value.items) ? { ...value, items: value.items.map(slim) } : value;
}

function slim({ metadata }: Owning): Owning {
  const { name, namespace, uid, resourceVersion, ownerReferences, annotations } = metadata;
  const kept = bindingAnnotations({ annotations: { ...annotations } });
  return {
    metadata: {
      ...{ name, uid, resourceVersion },
      ...(namespace === undefined ? {} : { namespace }),
      ...(ownerReferences === undefined
        ? {}
        : { ownerReferences: ownerReferences.map(({ uid }) => ({ uid })) }),
      ...(kept === null ? {} : { annotations: kept as Record<string, string> }),
    },
  };
}

function ownedOf({ metadata }: Owning, apiVersion: string, kind: string): Owned {
  const { name, namespace = "", uid, ownerReferences = [], annotations = {} } = metadata;
  return {
    ...{ apiVersion, kind, namespace, name, uid },
    owners: ownerReferences.map((owner) => owner.uid),
    annotations: bindingAnnotations({ annotations: annotations as JsonObject }),
  };
}
