/** `-o`: one way to print objects for all commands. */
import { printable } from "#core/printable.ts";
import type { Context } from "./context.ts";
import type { ColorFlag, Output } from "./flags.ts";
import { toJson, toYaml } from "./json.ts";
import { type Column, tableWriter } from "./table.ts";

export interface Named {
  metadata: { name: string };
}

/** How objects of one kind look. */
export interface Look<T> {
  columns: readonly Column<T>[];
  /** As `-o name` prints it: `approval.hoop.dev/NAME`. */
  reference: (object: T) => string;
}

export function approvalReference({ metadata }: Named): string {
  return `approval.hoop.dev/${metadata.name}`;
}

export function recordReference({ metadata }: Named): string {
  return `record.hoop.dev/${metadata.name}`;
}

export function sessionReference({ metadata }: Named): string {
  return `session.hoop.dev/${metadata.name}`;
}

/** An object in a format that scripts read; undefined where the command prints for people. */
export async function formatted(
  output: Output | undefined,
  object: unknown,
  references: readonly string[],
): Promise<string | undefined> {
  switch (output) {
    case "json":
      return toJson(object);
    case "yaml":
      return toYaml(object);
    case "name":
      return references.map((reference) => `${printable(reference)}\n`).join("");
    default:
      return undefined;
  }
}

/** A list once; where there is nothing to show to a person, `none` says so. */
export async function printList<T>(
  context: Context,
  output: Output | undefined,
  list: { items: readonly T[] },
  { columns, reference }: Look<T>,
  none: string,
): Promise<void> {
  const text = await formatted(output, list, list.items.map(reference));
  if (text !== undefined) context.process.stdout.write(text);
  else if (list.items.length === 0) context.process.stderr.write(`${none}\n`);
  else context.process.stdout.write(tableWriter(columns, output === "wide")(list.items));
}

/** Objects as they come: rows under one header, or one document each. */
export function livePrinter<T>(
  context: Context,
  output: Output | undefined,
  { columns, reference }: Look<T>,
): (objects: readonly T[]) => Promise<void> {
  const write = tableWriter(columns, output === "wide");
  return async (objects) => {
    if (objects.length === 0) return;
    const documents = await Promise.all(
      objects.map((object) => formatted(output, object, [reference(object)])),
    );
    const separator = output === "yaml" ? "---\n" : "";
    const inRows = output === undefined || output === "wide";
    context.process.stdout.write(
      inRows ? write(objects) : documents.map((text) => `${separator}${text}`).join(""),
    );
  };
}

export function colorWanted(context: Context, { color }: ColorFlag): boolean {
  return color === "auto" ? context.color : color === "always";
}
