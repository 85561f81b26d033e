/** `kubectl hoop login`: begins a session, and writes the kubeconfig with which kubectl works in it. */
import type { Session } from "#core/session/session.ts";
import { connectionArgs } from "../api.ts";
import type { Context } from "../context.ts";
import { apiError, CommandError } from "../failure.ts";
import type { ConnectionFlags } from "../flags.ts";
import { readJson, toJson } from "../json.ts";
import { exchanged, tokenIn } from "../session/exchange.ts";
import {
  accessOf,
  checkReplaceable,
  sessionIn,
  sessionKubeconfig,
  writeKubeconfig,
} from "../session/kubeconfig.ts";

export interface LoginFlags extends ConnectionFlags {
  readonly profile: string;
  readonly duration: string | undefined;
  readonly reason: string | undefined;
  /** A file; "-" for standard output. */
  readonly to: string;
  readonly output: "json" | "name" | undefined;
  /** An OpenID Connect token, and where it is exchanged; both or none. */
  readonly tokenFile: string | undefined;
  readonly exchange: string | undefined;
}

/** A session that has begun, and what it is used with where that is not the caller's own credential. */
interface Made {
  namespace: string;
  name: string;
  path: string;
  expiresAt: string;
  user?: { token: string };
  /** As `-o json` prints it. */
  shown: object;
}

export async function login(this: Context, flags: LoginFlags): Promise<void> {
  if (flags.to !== "-") checkReplaceable(flags.to);
  if ((flags.tokenFile === undefined) !== (flags.exchange === undefined))
    throw new CommandError("--token-file and --exchange go together: a token, and where it is exchanged");
  const access = await accessOf(this, flags);
  if (sessionIn(access.cluster.server) !== undefined)
    throw new CommandError("a session begins no other: use the kubeconfig that you began this one with");
  const namespace = access.namespace ?? "default";
  const made = await (flags.exchange === undefined
    ? begun(this, flags, namespace)
    : byToken(flags, flags.exchange, namespace));
  const text = sessionKubeconfig({ ...access, user: made.user ?? access.user }, made);
  if (flags.to === "-") {
    this.process.stdout.write(text);
    return;
  }
  writeKubeconfig(flags.to, text);
  this.process.stdout.write(said(flags, made));
}

/** As who the caller is to the cluster. */
async function begun({ kubectl }: Context, flags: LoginFlags, namespace: string): Promise<Made> {
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
  const finished = await kubectl.run(how, { input: JSON.stringify(session) });
  if (finished.code !== 0) throw apiError(finished);
  const { metadata, status, ...rest } = readJson(finished.stdout) as Session;
  if (status.phase !== "Active")
    throw new CommandError(
      `the session ${metadata.name} is ${status.phase}: ${status.message ?? "no reason"}`,
    );
  const { name } = metadata;
  const { path, expiresAt } = status;
  return { namespace, name, path, expiresAt, shown: { ...rest, metadata, status } };
}

/** As who a token says the caller is. */
async function byToken(flags: LoginFlags, url: string, namespace: string): Promise<Made> {
  const { profile, duration, reason, tokenFile = "" } = flags;
  const given = await exchanged(url, tokenIn(tokenFile), { profile, namespace, duration, reason });
  return { ...given.session, user: { token: given.token }, shown: given.session };
}

function said(
  { to, output, profile }: LoginFlags,
  { namespace, name, expiresAt, user, shown }: Made,
): string {
  if (output === "json") return toJson(shown);
  if (output === "name") return `session.hoop.dev/${name}\n`;
  const lines = [
    `session.hoop.dev/${name} in ${namespace}: by profile ${profile}, until ${expiresAt}`,
    `  use it:  kubectl --kubeconfig ${shell(to)} get pods`,
    // What a token was exchanged for may use the session, not end it.
    ...(user === undefined ? [`  end it:  kubectl hoop logout --kubeconfig ${shell(to)}`] : []),
  ];
  return `${lines.join("\n")}\n`;
}

/** As it can be typed. */
function shell(word: string): string {
  return /^[\w./~-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
