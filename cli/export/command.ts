/** What `kubectl hoop export` takes and says about itself. */
import { buildCommand } from "@stricli/core";
import type { Context } from "../context.ts";
import { description } from "../description.ts";
import { aliases, connectionFlags, ledgerPath } from "../flags.ts";
import { filterFlags } from "./filter-flags.ts";
import type { ExportFlags } from "./run.ts";

export const exportCommand = buildCommand<ExportFlags, [string?], Context>({
  loader: async () => (await import("./run.ts")).exportRecords,
  parameters: {
    flags: {
      format: {
        kind: "enum",
        values: ["jsonl", "csv", "audit.k8s.io", "ocsf"],
        brief: "jsonl proves itself; the others are for spreadsheets and log systems",
        default: "jsonl",
      },
      filename: {
        kind: "parsed",
        parse: String,
        brief:
          "File, or directory for one; else, or with -, standard output. Interrupted, the same command goes on",
        placeholder: "FILE",
        optional: true,
      },
      payloads: {
        kind: "boolean",
        brief: "With what the requests carried, as it is kept: masked",
        default: false,
        withNegated: false,
      },
      ...filterFlags,
      key: {
        kind: "parsed",
        parse: String,
        brief: "Public key of the ledger, or a file of them; else those that the ledger itself names",
        placeholder: "KEY",
        optional: true,
        variadic: true,
      },
      ...connectionFlags,
    },
    aliases: { n: aliases.n, s: aliases.s, f: "filename" },
    positional: { kind: "tuple", parameters: [ledgerPath] },
  },
  docs: {
    brief: "Write records to a file that others can read and prove",
    customUsage: [
      "[PATH] [--format FORMAT] [-f FILE] [--payloads] [--since TIME] [--until TIME] [--agent NAME]",
    ],
    fullDescription: description(
      "Write the ledger, or what is asked for of it, to a file: from the cluster, or without any from a directory it was\n" +
        "published to, a backup, or the store of a Hoop that has ended. It is checked on the way against the checkpoint\n" +
        "that is signed, which is put beside it as FILE.checkpoint. Interrupted, it goes on where it was with the same\n" +
        "command. jsonl has with each line what proves it: kubectl hoop verify FILE. Of an export that is not of all\n" +
        "entries that proves that each line is in the ledger, not that none is missing between them.\n" +
        "Exit code 0: done, 1: the ledger is not what was signed, 2: not finished.",
      [
        ["All of it, with what proves it", "kubectl hoop export -f records.jsonl --payloads"],
        [
          "For a spreadsheet: what one agent was refused",
          "kubectl hoop export --format csv --agent ci/deployer --answer denied -f denied.csv",
        ],
        [
          "For a log system, the last day",
          "kubectl hoop export --format ocsf --since 24h | vector --config siem.yaml",
        ],
        [
          "From a backup, without a cluster",
          "kubectl hoop export hoop-20261121T020000000Z.db -f records.jsonl",
        ],
      ],
    ),
  },
});
