/**
 * One row an entry, as RFC 4180 has them. A cell that a spreadsheet would take for a formula gets an apostrophe before it
 * (OWASP, CSV Injection): what agents name things is in here.
 */
import { text } from "../admission.ts";
import { canonical } from "../canonical.ts";
import { aboutOf } from "./about.ts";
import { type Exported, type Format, payloadOf } from "./exported.ts";

const COLUMNS: readonly (readonly [
  header: string,
  cell: (one: Exported, about: ReturnType<typeof aboutOf>) => string,
])[] = [
  ["index", ({ index }) => String(index)],
  ["time", (_, { time }) => time],
  ["kind", (_, { kind }) => kind],
  ["agent", (_, { agent }) => agent.username],
  ["groups", (_, { agent }) => agent.groups.join(" ")],
  ["credential", (_, { agent }) => agent.credentialID],
  ["session", (_, { session }) => session],
  ["operation", (_, { operation }) => operation],
  ["group", (_, { target }) => target.group],
  ["version", (_, { target }) => target.version],
  ["resource", (_, { target }) => target.resource],
  ["subresource", (_, { target }) => target.subresource],
  ["namespace", (_, { target }) => target.namespace],
  ["name", (_, { target }) => target.name],
  ["dryRun", ({ entry }) => (entry["dryRun"] === true ? "true" : "")],
  ["verdict", (_, { verdict }) => verdict],
  ["rules", (_, { rules }) => rules.join(" ")],
  ["answer", (_, { answer }) => answer],
  ["message", (_, { message }) => message],
  ["approvalNamespace", (_, { approval }) => approval.namespace],
  ["approval", (_, { approval }) => approval.name],
  ["event", ({ entry }, { event, approval }) => event || approval.use || text(entry, "result")],
  ["of", ({ entry }) => (typeof entry["of"] === "number" ? String(entry["of"]) : "")],
  ["code", ({ entry }) => (typeof entry["code"] === "number" ? String(entry["code"]) : "")],
  ["decidedBy", (_, { decision }) => decision.user],
  ["decision", (_, { decision }) => decision.verdict],
  ["comment", (_, { decision }) => decision.comment],
  ["entry", (one) => one.text],
  ["payload", (one) => (one.payload === "erased" ? "erased" : payloadText(one))],
];

export const csv: Format = {
  extension: "csv",
  begin: () => csvRow(COLUMNS.map(([header]) => header)),
  line: (one) => {
    const about = aboutOf(one.entry);
    return csvRow(COLUMNS.map(([, cell]) => cell(one, about)));
  },
  end: () => "",
};

function payloadText(one: Exported): string {
  const payload = payloadOf(one);
  return payload === undefined ? "" : canonical(payload);
}

/** With its line end. */
export function csvRow(cells: readonly string[]): string {
  return `${cells.map(csvCell).join(",")}\r\n`;
}

/** Spreadsheets take these for the beginning of a formula, in some languages' full width as well. */
const FORMULA = /^[=+\-@\t\r\n\0＝＋－＠]/u;

function csvCell(text: string): string {
  const inert = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n']/.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
}
