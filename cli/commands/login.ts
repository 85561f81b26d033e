/** `kubectl hoop login`: begins a session, and writes the kubeconfig with which kubectl works in it. */
import type { Session } from "#core/session/session.ts";
import { connectionArgs } from "../api.ts";
import type { Context } from "../context.ts";
import { apiError, CommandError } from "../failure.ts";
import type { ConnectionFlags } from "../flags.ts";
import { readJson, toJson } from "../json.ts";
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
}

export async function login(this: Context, flags: LoginFlags): Promise<void> {
  if (flags.to !== "-") checkReplaceable(flags.to);
  const access = await accessOf(this, flags);
  if (sessionIn(access.cluster.server) !== undefined)
    throw new CommandError("a session begins no other: use the kubeconfig that you began this one with");
  const session = await begun(this, flags, access.namespace ?? "default");
  const { metadata, status } = session;
  if (status.phase !== "Active")
    throw new CommandError(
      `the session ${metadata.name} is ${status.phase}: ${status.message ?? "no reason"}`,
    );
  const text = sessionKubeconfig(access, { ...metadata, path: status.path });
  if (flags.to === "-") {
    this.process.stdout.write(text);
    return;
  }
  writeKubeconfig(flags.to, text);
  this.process.stdout.write(said(flags, session));
}

async function begun({ kubectl }: Context, flags: LoginFlags, namespace: string): Promise<Session> {
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
  return readJson(finished.stdout) as Session;
}

function said({ to, output }: LoginFlags, session: Session): string {
  const { metadata, spec, status } = session;
  if (output === "json") return toJson(session);
  if (output === "name") return `session.hoop.dev/${metadata.name}\n`;
  const { namespace, name } = status.serviceAccount;
  return [
    `session.hoop.dev/${metadata.name} in ${metadata.namespace}: by profile ${spec.profile}, as ${namespace}/${name}, until ${status.expiresAt}`,
    `  use it:  kubectl --kubeconfig ${shell(to)} get pods`,
    `  end it:  kubectl hoop logout --kubeconfig ${shell(to)}`,
    "",
  ].join("\n");
}

/** As it can be typed. */
function shell(word: string): string {
  return /^[\w./~-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
