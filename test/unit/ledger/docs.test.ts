import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { Entry } from "#core/ledger/entry.ts";

const PAGE = readFileSync(join(import.meta.dirname, "../../../docs/guides/records.md"), "utf8");
/** What the page says of all of them, or before the table. */
const OF_ALL = new Set(["schema", "kind", "time", "shortened"]);

interface Schema {
  name: string;
  members: string[];
  rows: string[];
}

/** Those of the newest version of each kind first. */
const SCHEMAS: Schema[] = Entry.anyOf.map(({ properties }) => {
  const name: string = properties.schema.const;
  const [, kind = "", version = ""] = /^hoop\.dev\/(.+)\/(v\d+)$/.exec(name) ?? [];
  const rows = PAGE.split("\n").filter(
    (line) => line.startsWith(`| \`hoop.dev/${kind}/`) && line.split(" | ")[0]?.includes(`${version}\``),
  );
  return { name, members: Object.keys(properties), rows };
});

const kindOf = ({ name }: Schema) => name.split("/")[1];

describe("the page about the ledger", () => {
  for (const [at, schema] of SCHEMAS.entries()) {
    it(`has one row of ${schema.name}`, () => expect(schema.rows).to.have.length(1));
    const isNewest = SCHEMAS.findIndex((other) => kindOf(other) === kindOf(schema)) === at;
    if (isNewest)
      it(`names each member of ${schema.name}`, () => {
        const said = (schema.rows[0] ?? "").split(" | ").at(-1) ?? "";
        const unsaid = schema.members.filter((name) => !OF_ALL.has(name) && !said.includes(`\`${name}\``));
        expect(unsaid).to.deep.equal([]);
      });
  }
});
