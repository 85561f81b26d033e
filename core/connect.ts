/** What a CONNECT is for, in words that people decide by. */
import { type AdmissionRequest, type Json, type JsonObject, targetName, text } from "./admission.ts";
import { canonical } from "./canonical.ts";
import { maskObject } from "./mask.ts";
import { printable } from "./printable.ts";
import { quoted } from "./shell-words.ts";

/** Undefined: any. */
export type ForwardedPorts = readonly number[] | undefined;

interface Connect {
  options: JsonObject;
  /** Such as `pod web`. */
  what: string;
  forwarded: ForwardedPorts;
}

/**
 * What is run or reached, and where: secrets masked, nothing invisible in it. The first line says it as far as one line
 * can; what comes below is indented, and is the agent's.
 * @param forwarded the ports that its session may forward.
 */
export function connectWords(request: AdmissionRequest, forwarded?: ForwardedPorts): string {
  const { resource, subresource, object } = request;
  const name = targetName(request);
  const what = printable(resource.resource === "pods" ? `pod ${name}` : `${resource.resource}/${name}`);
  const connect: Connect = { options: maskObject(object ?? {}), what, forwarded };
  const words = WORDS[subresource] ?? otherwise(subresource);
  const others = Object.entries(connect.options).filter(([key]) => !TOLD.has(key));
  const lines = [...words(connect), ...others.map(([key, value]) => `  ${key}: ${canonical(value)}`)];
  return printable(lines.join("\n"), { multiline: true });
}

/** What the words are about; of all else what is asked is shown as it is. */
const TOLD: ReadonlySet<string> = new Set([
  ...["kind", "apiVersion", "metadata"],
  ...["container", "command", "stdin", "stdout", "stderr", "tty", "path", "ports"],
]);

const WORDS: Readonly<Record<string, (connect: Connect) => string[]>> = {
  exec: (connect) => [
    `run in ${containerOf(connect)}${typing(connect)}:`,
    ...commandOf(connect.options["command"])
      .split("\n")
      .map((line) => `  ${line}`),
  ],
  attach: (connect) => [`attach to ${containerOf(connect)}${typing(connect)}`],
  portforward: ({ options, what, forwarded }) => [
    forwarded === undefined
      ? `forward ports of ${what}: any that it listens on, for only the connection itself says which`
      : `forward ports of ${what}: ${forwarded.join(", ")} alone, as the profile of the session says`,
    ...(options["ports"] === undefined ? [] : [`  ports: ${canonical(options["ports"])}`]),
  ],
  proxy: ({ options, what }) => [`send a request to ${what}, at ${printable(text(options, "path")) || "/"}`],
};

function otherwise(subresource: string): (connect: Connect) => string[] {
  return ({ what }) => [`connect to ${subresource} of ${what}`];
}

function containerOf({ options, what }: Connect): string {
  const container = text(options, "container");
  return container === ""
    ? `the default container of ${what}`
    : `container ${printable(container)} of ${what}`;
}

function typing({ options }: Connect): string {
  const has = [
    ...(options["stdin"] === true ? ["standard input"] : []),
    ...(options["tty"] === true ? ["a terminal"] : []),
  ];
  return has.length === 0 ? "" : `, with ${has.join(" and ")}`;
}

function commandOf(command: Json | undefined): string {
  const words = Array.isArray(command) ? command : [];
  return words.map((word) => quoted(typeof word === "string" ? word : canonical(word))).join(" ");
}
