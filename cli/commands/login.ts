/** `kubectl hoop login`: begins a session, and writes the kubeconfig with which kubectl works in it. */
import type { Session } from "#core/session/session.ts";
import { connectionArgs } from "../api.ts";
import type { Context } from "../context.ts";
import { apiError, CommandError } from "../failure.ts";
import type { ConnectionFlags } from "../flags.ts";
import { readJson, toJson } from "../json.ts";
import { type Cluster, CURRENT, type State } from "../session/door.ts";
import {
  type Access,
  accessOf,
  checkReplaceable,
  sessionIn,
  sessionKubeconfig,
  writeKubeconfig,
} from "../session/kubeconfig.ts";
import { hasSource } from "../session/source.ts";
import { execOf, type Terms, termsOf } from "../session/terms.ts";
import { awaited, begunTicket } from "../session/ticket.ts";
import { approved } from "../session/waiting.ts";

export interface LoginFlags extends ConnectionFlags {
  readonly profile: string;
  readonly duration: string | undefined;
  readonly reason: string | undefined;
  /** A file; "-" for standard output. */
  readonly to: string;
  readonly output: "json" | "name" | undefined;
  /** Where an OpenID Connect token is exchanged; left out: the session is the caller's own. */
  readonly exchange: string | undefined;
  /** Files. */
  readonly exchangeCa: string | undefined;
  readonly tokenFile: string | undefined;
  readonly audience: string | undefined;
  /** Milliseconds, for people to approve it. */
  readonly wait: number | undefined;
}

/** A session that has begun, and how it is used where that is not by the caller's own credential. */
interface Made {
  namespace: string;
  name: string;
  path: string;
  expiresAt: string;
  user?: Access["user"];
  /** As `-o json` prints it. */
  shown: object;
  /** Until people have approved it. */
  approval(): Promise<void>;
}

export async function login(this: Context, flags: LoginFlags): Promise<void> {
  if (flags.to !== "-") checkReplaceable(flags.to);
  const { exchange, tokenFile, exchangeCa } = flags;
  if (exchange === undefined && (tokenFile ?? exchangeCa) !== undefined)
    throw new CommandError("--token-file and --exchange go together: a token, and where it is exchanged");
  const access = await accessOf(this, flags);
  if (sessionIn(access.cluster.server) !== undefined)
    throw new CommandError("a session begins no other: use the kubeconfig that you began this one with");
  const namespace = access.namespace ?? "default";
  const made = await (exchange === undefined
    ? begun(this, flags, namespace)
    : byToken(this, flags, { ...flags, namespace, exchange }, access.cluster));
  const text = sessionKubeconfig({ ...access, user: made.user ?? access.user }, made);
  if (flags.to !== "-") writeKubeconfig(flags.to, text);
  await made.approval();
  this.process.stdout.write(flags.to === "-" ? text : said(flags, made));
}

/** As who the caller is to the cluster. */
async function begun(context: Context, flags: LoginFlags, namespace: string): Promise<Made> {
  const { profile, duration, reason } = flags;
  const session = {
    ...{ apiVersion: "hoop.dev/v1alpha1", kind: "Session" },
    metadata: { generateName: `${profile.slice(0, 200)}-`, namespace },
    spec: {
      profile,
      ...(duration === undefined ? {} : { duration }),
      ...(reason === undefined ? {} : { reason }),
    },
  };
  const timeout = flags.requestTimeout === undefined ? [] : [`--request-timeout=${flags.requestTimeout}`];
  // Created raw: kubectl would first ask for all that the cluster serves.
  const at = `/apis/hoop.dev/v1alpha1/namespaces/${namespace}/sessions`;
  const how = ["create", "--raw", at, "--filename=-", ...connectionArgs(flags), ...timeout];
  const finished = await context.kubectl.run(how, { input: JSON.stringify(session) });
  if (finished.code !== 0) throw apiError(finished);
  const { metadata, status, ...rest } = readJson(finished.stdout) as Session;
  const { name } = metadata;
  const { path, expiresAt, approval } = status;
  if (status.phase !== "Active" && status.phase !== "Pending") throw over(metadata.name, status);
  const patience = flags.wait ?? Number.POSITIVE_INFINITY;
  return {
    ...{ namespace, name, path, expiresAt, shown: { ...rest, metadata, status } },
    approval: async () => {
      if (status.phase !== "Pending") return;
      const look = () => lookedAt(context, flags, namespace, name);
      await approved(context, { namespace, name, approval }, patience, look);
    },
  };
}

function over(name: string, { phase, message }: Session["status"]): CommandError {
  return new CommandError(`the session ${name} is ${phase}: ${message ?? "no reason"}`);
}

async function lookedAt(
  { kubectl }: Context,
  flags: LoginFlags,
  namespace: string,
  name: string,
): Promise<State> {
  const at = `/apis/hoop.dev/v1alpha1/namespaces/${namespace}/sessions/${name}`;
  const finished = await kubectl.run(["get", "--raw", at, ...connectionArgs(flags)]);
  if (finished.code !== 0) {
    const { reason, message } = apiError(finished);
    return reason === "NotFound" ? { kind: "over", phase: "Ended", message } : { kind: "unknown", message };
  }
  const { status } = readJson(finished.stdout) as Session;
  if (status.phase === "Active") return { kind: "open" };
  if (status.phase === "Pending") return { kind: "pending" };
  return { kind: "over", phase: status.phase, message: over(name, status).message };
}

/** As who a token says the caller is. */
async function byToken(context: Context, flags: LoginFlags, given: Terms, cluster: Cluster): Promise<Made> {
  if (!hasSource(given, context.environment))
    throw new CommandError("which token is to be exchanged? Name its file with --token-file");
  const terms = termsOf(given);
  const kept = await begunTicket(context, terms);
  const { namespace, name, expiresAt } = kept.session;
  const patience = flags.wait ?? Number.POSITIVE_INFINITY;
  return {
    ...{ namespace, name, expiresAt, shown: kept.session, user: execOf(terms) },
    // The kubeconfig goes on to be of use when this session is over.
    path: `/apis/hoop.dev/v1alpha1/namespaces/${namespace}/sessions/${CURRENT}/proxy`,
    approval: () => awaited(context, terms, kept, cluster, patience),
  };
}

function said({ to, output, profile }: LoginFlags, { namespace, name, expiresAt, shown }: Made): string {
  if (output === "json") return toJson(shown);
  if (output === "name") return `session.hoop.dev/${name}\n`;
  const lines = [
    `session.hoop.dev/${name} in ${namespace}: by profile ${profile}, until ${expiresAt}`,
    `  use it:  kubectl --kubeconfig ${shell(to)} get pods`,
    `  end it:  kubectl hoop logout --kubeconfig ${shell(to)}`,
  ];
  return `${lines.join("\n")}\n`;
}

/** As it can be typed. */
function shell(word: string): string {
  return /^[\w./~-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
