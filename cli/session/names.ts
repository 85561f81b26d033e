/** Names of sessions on the command line, and their completion. */
import { printable } from "#core/printable.ts";
import type { Context } from "../context.ts";
import { CommandError } from "../failure.ts";

/** Somebody waits at a keyboard. */
const PATIENCE = "2s";

/** `NAME`, or `session.hoop.dev/NAME` as `-o name` prints it. It goes into a path, so it must be one. */
export function sessionName(argument: string): string {
  const name = argument.replace(/^(session|sessions|sess)(\.hoop\.dev)?\//, "");
  if (/^[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$/.test(name)) return name;
  throw new CommandError("not the name of a session (lower-case letters, digits, - and .)");
}

/** Those that may be used now, or all that are still shown. */
export function sessionNames(which: "active" | "all") {
  return async function (this: Context): Promise<readonly string[]> {
    if (this.completing === undefined) return [];
    const { connection, describe } = this.completing;
    const { hoopApi } = await import("../api.ts");
    const api = hoopApi(this.kubectl, { ...connection, requestTimeout: PATIENCE });
    const list = await api.list("sessions", connection.namespace).catch(() => ({ items: [] }));
    const fitting = list.items.filter(({ status }) => which === "all" || status.phase === "Active");
    for (const { metadata, spec, status } of fitting)
      describe(metadata.name, printable(`${status.subject.username}, ${spec.profile}, ${status.phase}`));
    return fitting.map(({ metadata }) => metadata.name);
  };
}

/** AgentProfiles, for who may list them. */
export async function profileNames(this: Context): Promise<readonly string[]> {
  if (this.completing === undefined) return [];
  const { connectionArgs } = await import("../api.ts");
  const how = [...connectionArgs(this.completing.connection), `--request-timeout=${PATIENCE}`];
  const what = ["get", "agentprofiles.policy.hoop.dev", "--output=name"];
  const { code, stdout } = await this.kubectl.run([...what, ...how]);
  const lines = code === 0 ? stdout.split("\n") : [];
  return lines.filter((line) => line !== "").map((line) => line.slice(line.indexOf("/") + 1));
}
