/**
 * What of the cluster can be completed. No cluster, no right to look, or too slow: nothing, and no complaint. Every
 * command names these in its declaration, so what they need is loaded when they are asked.
 */
import type { Phase } from "#core/approval.ts";
import type { Context } from "../context.ts";

type Proposer = (this: Context, partial: string) => Promise<readonly string[]>;

/** Somebody waits at a keyboard. */
const PATIENCE = "2s";

/** Approvals in one of the phases, or in any. */
export function approvalNames(...phases: readonly Phase[]): Proposer {
  return async function () {
    if (this.completing === undefined) return [];
    const { connection, describe } = this.completing;
    const [{ hoopApi }, { printable }, { operationWords, targetWords }] = await Promise.all([
      import("../api.ts"),
      import("#core/printable.ts"),
      import("../wording.ts"),
    ]);
    const api = hoopApi(this.kubectl, { ...connection, requestTimeout: PATIENCE });
    const list = await api.list("approvals", connection.namespace).catch(() => ({ items: [] }));
    const fitting = list.items.filter(
      ({ status }) => phases.length === 0 || phases.some((phase) => phase === status.phase),
    );
    for (const { metadata, spec, status } of fitting) {
      const what = `${operationWords(spec.operation, spec.target)} ${targetWords(spec.target)}`;
      describe(metadata.name, printable(`${what}, ${spec.agent.username}, ${status.phase}`));
    }
    return fitting.map(({ metadata }) => metadata.name);
  };
}

export const namespaceNames: Proposer = fromKubectl("get", "namespaces", "--output=name");
export const contextNames: Proposer = fromKubectl("config", "get-contexts", "--output=name");

/** One name a line. */
function fromKubectl(...args: readonly string[]): Proposer {
  return async function () {
    if (this.completing === undefined) return [];
    const { connectionArgs } = await import("../api.ts");
    const how = [...connectionArgs(this.completing.connection), `--request-timeout=${PATIENCE}`];
    const { code, stdout } = await this.kubectl.run([...args, ...how]);
    const lines = code === 0 ? stdout.split("\n") : [];
    return lines.filter((line) => line !== "").map((line) => line.replace(/^namespace\//, ""));
  };
}
