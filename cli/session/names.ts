/** Names of sessions on the command line, and their completion. */
import { printable } from "#core/printable.ts";
import type { Context } from "../context.ts";
import { CommandError } from "../failure.ts";
import type { ConnectionFlags } from "../flags.ts";

/** Somebody waits at a keyboard. */
const PATIENCE = "2s";

/**
 * `NAME`, `session.hoop.dev/NAME` as `-o name` prints it, or `NAMESPACE/NAME` as we do: for {@link sessionAt}. It goes into
 * a path, so it must be one.
 */
export function sessionName(argument: string): string {
  const name = argument.replace(/^(session|sessions|sess)(\.hoop\.dev)?\//, "");
  if (/^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\/)?[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$/.test(name)) return name;
  throw new CommandError("not the name of a session (lower-case letters, digits, - and .)");
}

/** Which session a {@link sessionName} is of; namespace undefined: in whichever. Throws {@link CommandError}. */
export function sessionAt(
  flags: Pick<ConnectionFlags, "namespace">,
  argument: string,
): { namespace: string | undefined; name: string } {
  const at = argument.indexOf("/");
  if (at < 0) return { namespace: flags.namespace, name: argument };
  const namespace = argument.slice(0, at);
  if (flags.namespace === undefined || flags.namespace === namespace)
    return { namespace, name: argument.slice(at + 1) };
  throw new CommandError(`${argument} is not in the namespace ${flags.namespace} of -n`);
}

/** Nobody reads more of them. */
const ENDED_MOST = 50;

/** Those that are not over, or all that are still shown, and the last ones of which only records are left. */
export function sessionNames(which: "open" | "all") {
  return async function (this: Context): Promise<readonly string[]> {
    if (this.completing === undefined) return [];
    const { connection, describe } = this.completing;
    const [{ hoopApi }, { isOpen }, { ofSession }] = await Promise.all([
      import("../api.ts"),
      import("./shown.ts"),
      import("#core/ledger/asked.ts"),
    ]);
    const api = hoopApi(this.kubectl, { ...connection, requestTimeout: PATIENCE });
    const listed = api.list("sessions", connection.namespace).catch(() => ({ items: [] }));
    const told = which === "all" ? api.list("records", connection.namespace, LAST) : { items: [] };
    const [{ items }, records] = await Promise.all([
      listed,
      Promise.resolve(told).catch(() => ({ items: [] })),
    ]);
    const gone = records.items.flatMap(({ spec }) => {
      const entry = ofSession(spec);
      if (entry === undefined) return [];
      describe(entry.session.name, printable(`${entry.agent.username}, ${entry.profile}`));
      return [entry.session.name];
    });
    const fitting = items.filter((session) => which === "all" || isOpen(session, this.now()));
    for (const { metadata, spec, status } of fitting)
      describe(metadata.name, printable(`${status.subject.username}, ${spec.profile}, ${status.phase}`));
    return [...new Set([...fitting.map(({ metadata }) => metadata.name), ...gone])];
  };
}

const LAST = `kind=session,newest=${ENDED_MOST}`;

/** Of the sessions that there are, as `--agent` takes them. */
export async function agentsOfSessions(this: Context): Promise<readonly string[]> {
  if (this.completing === undefined) return [];
  const { hoopApi } = await import("../api.ts");
  const { connection } = this.completing;
  const api = hoopApi(this.kubectl, { ...connection, requestTimeout: PATIENCE });
  const { items } = await api.list("sessions", connection.namespace).catch(() => ({ items: [] }));
  const names = items.map(({ status }) =>
    status.subject.username.replace(/^system:serviceaccount:([^:]+):([^:]+)$/, "$1/$2"),
  );
  return [...new Set(names)].sort();
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
