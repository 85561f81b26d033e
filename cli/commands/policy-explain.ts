/** `kubectl hoop policy explain`: what would become of an agent's write, and why. */
import { printable } from "#core/printable.ts";
import type { Context } from "../context.ts";
import { type ConnectionFlags, NO_CONNECTION } from "../flags.ts";
import { toJson } from "../json.ts";
import { explained } from "../policy/explain.ts";
import { explanationJson, explanationText } from "../policy/explain-text.ts";

export interface ExplainFlags extends Omit<ConnectionFlags, "as" | "asGroup"> {
  readonly filename: string;
  readonly as: string;
  readonly asGroup: readonly string[] | undefined;
  readonly operation: "create" | "update" | "delete" | "connect" | undefined;
  readonly resource: string | undefined;
  readonly name: string | undefined;
  readonly old: string | undefined;
  readonly policies: readonly string[] | undefined;
  readonly catalogue: boolean;
  readonly all: boolean;
  readonly output: "text" | "json";
}

export async function explain(this: Context, flags: ExplainFlags): Promise<void> {
  // The agent is judged, not impersonated: the person may not be allowed to.
  const connection = { ...NO_CONNECTION, ...flags, as: undefined, asGroup: undefined };
  const { all, notes } = await explained(this, flags, connection);
  for (const note of notes) this.process.stderr.write(`note: ${printable(note)}\n`);
  this.process.stdout.write(
    flags.output === "json"
      ? toJson(all.map(explanationJson))
      : all.map((one) => explanationText(one, flags.all)).join("\n"),
  );
}
