/** The settings of a Hoop, read back from its record of its configuration. That Hoop may be of another version. */
import Type, { type Static, type TSchema } from "typebox";
import Value from "typebox/value";
import { Agents, Hold, Workloads } from "./agents.ts";

/** What it is judged by. */
export interface RecordedSettings {
  namespace: string | undefined;
  agents: Static<typeof Agents> | undefined;
  hold: Static<typeof Hold> | undefined;
  workloads: Static<typeof Workloads> | undefined;
}

/** @returns each section that is told and can be read. */
export function recordedSettings(told: Readonly<Record<string, unknown>>): RecordedSettings {
  return {
    namespace: section(Type.String({ minLength: 1 }), told["namespace"]),
    agents: section(Agents, told["agents"]),
    hold: section(Hold, told["hold"]),
    workloads: section(Workloads, told["workloads"]),
  };
}

/** What only the other version has is left out; what only this one has is its default. */
function section<S extends TSchema>(schema: S, told: unknown): Static<S> | undefined {
  if (told === undefined) return undefined;
  const complete = Value.Default(schema, Value.Clean(schema, Value.Clone(told)));
  return Value.Check(schema, complete) ? complete : undefined;
}
