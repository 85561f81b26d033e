/** The resources of hoop.dev as the commands use them, over `kubectl get --raw` and `kubectl patch`. */
import type { UserInfo } from "#core/admission.ts";
import type { Approval } from "#core/approval.ts";
import type { Entry } from "#core/ledger/entry.ts";
import type { Session } from "#core/session/session.ts";
import { ApiError, apiError, CommandError } from "./failure.ts";
import type { ConnectionFlags } from "./flags.ts";
import { readJson } from "./json.ts";
import type { Finished, Kubectl } from "./kubectl.ts";

const ROOT = "/apis/hoop.dev/v1alpha1";

/** One ledger entry as the API shows it; its name is its index. */
export interface LedgerRecord {
  apiVersion: string;
  kind: "Record";
  metadata: { name: string; namespace: string; resourceVersion?: string };
  spec: Entry;
  /** Not in a watch, nor from an older server. */
  status?: { outcome: { result: string } };
  /** What lies beside it, where one record was asked for by its name. */
  payload?: unknown;
}

export interface List<T> {
  apiVersion: string;
  kind: string;
  metadata: { resourceVersion: string; continue?: string };
  items: T[];
}

interface WatchEvent<T> {
  type: "ADDED" | "MODIFIED" | "DELETED";
  object: T;
}

interface Resources {
  approvals: Approval;
  records: LedgerRecord;
  sessions: Session;
}

export interface Decision {
  verdict: "Approve" | "Deny" | "Reapprove";
  comment?: string;
  digest?: string;
}

export interface Made {
  name: string;
  phase: string;
}

/** At most so many objects, after those of the page before. */
export interface Page {
  limit: number;
  continue?: string | undefined;
}

export type Me = Pick<UserInfo, "username" | "extra">;

interface SelfSubjectReview {
  status?: { userInfo?: { username?: string; extra?: Record<string, string[]> } };
}

export interface Api {
  /** `namespace` undefined: all of them. */
  list<R extends keyof Resources>(
    resource: R,
    namespace: string | undefined,
    fieldSelector?: string,
    page?: Page,
  ): Promise<List<Resources[R]>>;
  /** Changes after `resourceVersion` until the server ends the watch. Throws {@link ApiError}. */
  watch<R extends keyof Resources>(
    resource: R,
    namespace: string | undefined,
    resourceVersion: string,
    fieldSelector?: string,
  ): AsyncGenerator<WatchEvent<Resources[R]>>;
  /** Throws {@link ApiError}; its reason is NotFound where there is none. */
  approval(namespace: string, name: string): Promise<Approval>;
  /** The new approval, where the decision made one. */
  decide(namespace: string, name: string, decision: Decision, dryRun: boolean): Promise<Made | undefined>;
  /** As whom the API server knows this person; undefined where it does not tell. */
  whoAmI(): Promise<Me | undefined>;
  /** Whether the server offers this verb for the resource. */
  offers(resource: keyof Resources, verb: string): Promise<boolean>;
}

/** `signal` ends whatever call is under way. */
export function hoopApi(kubectl: Kubectl, flags: ConnectionFlags, signal?: AbortSignal): Api {
  const connection = connectionArgs(flags);
  const options = signal === undefined ? {} : { signal };
  const timeout = optional("--request-timeout", flags.requestTimeout);
  const run = async (args: readonly string[]) => {
    const finished = await kubectl.run([...args, ...connection, ...timeout], options);
    if (finished.code !== 0) throw apiError(finished);
    return finished.stdout;
  };
  const get = async <T>(path: string, kind: string) => parse<T>(await run(["get", "--raw", path]), kind);
  return {
    list: (resource, namespace, fieldSelector, page) => {
      const paging = page && { limit: String(page.limit), continue: page.continue };
      const how = query({ fieldSelector, ...paging });
      return get(`${collection(resource, namespace)}${how}`, LIST_KIND[resource]);
    },
    watch: (resource, namespace, resourceVersion, fieldSelector) => {
      const how = query({ watch: "true", allowWatchBookmarks: "true", resourceVersion, fieldSelector });
      // Without --request-timeout, which would cut every watch short.
      return events(
        kubectl.follow(["get", "--raw", `${collection(resource, namespace)}${how}`, ...connection], signal),
      );
    },
    approval: (namespace, name) => get(`${collection("approvals", namespace)}/${name}`, "Approval"),
    decide: async (namespace, name, decision, dryRun) => {
      const body = JSON.stringify({ decision });
      const what = ["patch", "approvals.v1alpha1.hoop.dev", name, "--namespace", namespace];
      const answer = decision.verdict === "Reapprove" ? "--output=json" : "--output=name";
      const how = ["--subresource=approval", "--type=merge", `--patch=${body}`, answer];
      const told = await run([...what, ...how, ...(dryRun ? ["--dry-run=server"] : [])]);
      if (decision.verdict !== "Reapprove") return undefined;
      return parse<{ reapproval?: Made }>(told, "ApprovalDecision").reapproval;
    },
    whoAmI: async () => {
      const finished = await kubectl.run(["auth", "whoami", "--output=json", ...connection], options);
      if (finished.code !== 0) return undefined;
      const { status } = parse<SelfSubjectReview>(finished.stdout, "SelfSubjectReview");
      const { username, extra } = status?.userInfo ?? {};
      return username === undefined ? undefined : { username, extra: new Map(Object.entries(extra ?? {})) };
    },
    offers: async (resource, verb) => {
      const found = await get<{ resources: { name: string; verbs: string[] }[] }>(ROOT, "APIResourceList");
      return found.resources.some(({ name, verbs }) => name === resource && verbs.includes(verb));
    },
  };
}

const LIST_KIND = { approvals: "ApprovalList", records: "RecordList", sessions: "SessionList" } as const;

/** The flags as kubectl takes them. */
export function connectionArgs(flags: ConnectionFlags): string[] {
  return [
    ...optional("--kubeconfig", flags.kubeconfig),
    ...optional("--context", flags.context),
    ...optional("--cluster", flags.cluster),
    ...optional("--user", flags.user),
    ...optional("--server", flags.server),
    ...optional("--as", flags.as),
    ...(flags.asGroup ?? []).map((group) => `--as-group=${group}`),
  ];
}

function optional(flag: string, value: string | undefined): string[] {
  return value === undefined ? [] : [`${flag}=${value}`];
}

function collection(resource: keyof Resources, namespace: string | undefined): string {
  return namespace === undefined ? `${ROOT}/${resource}` : `${ROOT}/namespaces/${namespace}/${resource}`;
}

function query(parameters: Record<string, string | undefined>): string {
  const given = new URLSearchParams();
  for (const [key, value] of Object.entries(parameters)) if (value !== undefined) given.set(key, value);
  return given.size === 0 ? "" : `?${given}`;
}

/** A value as it stands in a field selector. */
export function selectorValue(value: string): string {
  return value.replace(/[\\,=]/g, "\\$&");
}

/** The parsing edge: past it, what the API server answered counts as what its OpenAPI document says. */
function parse<T>(text: string, kind: string): T {
  const value = readJson(text);
  if (typeof value === "object" && value !== null && "kind" in value && value.kind === kind)
    return value as T;
  throw new CommandError(`the server's answer is not the ${kind} that was asked for`);
}

type WireEvent<T> =
  | WatchEvent<T>
  | { type: "BOOKMARK" }
  | { type: "ERROR"; object: { reason?: string; message?: string } };

async function* events<T>(lines: AsyncGenerator<string, Finished>): AsyncGenerator<WatchEvent<T>> {
  try {
    for (;;) {
      const next = await lines.next();
      if (next.done) {
        if (next.value.code !== 0) throw apiError(next.value);
        return;
      }
      const event = readJson(next.value) as WireEvent<T>;
      if (event.type === "ERROR")
        throw new ApiError(event.object.reason ?? "", event.object.message ?? "the watch failed");
      if (event.type !== "BOOKMARK") yield event;
    }
  } finally {
    await lines.return({ code: 0, stdout: "", stderr: "" });
  }
}
