/** The value that is to be set: typed, or read to the end. Never an argument. */
import { isUtf8 } from "node:buffer";
import type { Context } from "../context.ts";
import { CommandError } from "../failure.ts";

/** @throws {CommandError} where there is none. */
export async function valueGiven(
  context: Context,
  { keepNewline }: { keepNewline: boolean },
): Promise<Uint8Array> {
  const bytes = context.terminal.typed ? await typed(context) : await context.commands.input();
  const value = keepNewline ? bytes : withoutLineEnd(bytes);
  if (value.length === 0)
    throw new CommandError("there is no value: nothing was typed, or standard input is empty");
  return value;
}

async function typed(context: Context): Promise<Uint8Array> {
  const value = await context.askHidden("Value: ");
  if (value === "" || context.signal.aborted) return new Uint8Array();
  if (value !== (await context.askHidden("Once more: ")))
    throw new CommandError("what was typed differs; nothing was set");
  return Buffer.from(value);
}

/** A single line of text ends in what `echo` adds. Everything else may need its last byte. */
function withoutLineEnd(bytes: Uint8Array): Uint8Array {
  if (!isUtf8(bytes) || bytes.includes(0)) return bytes;
  const text = Buffer.from(bytes).toString();
  const [line] = /^[^\r\n]*(?=\r?\n$)/.exec(text) ?? [];
  return line === undefined ? bytes : Buffer.from(line);
}
