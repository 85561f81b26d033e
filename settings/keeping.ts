/** What Hoop keeps, where, and how long. */
import Type from "typebox";
import { Seconds, strict } from "./shapes.ts";

export const Store = Type.Union(
  [
    Type.Object({ driver: Type.Literal("sqlite"), file: Type.String() }, { additionalProperties: false }),
    Type.Object({ driver: Type.Literal("memory") }, { additionalProperties: false }),
  ],
  { default: { driver: "sqlite", file: "/var/lib/hoop/hoop.db" } },
);

export const Search = Type.Object(
  {
    file: Type.Optional(
      Type.String({
        description:
          "Database file of the search index. Left out: hoop-search.db beside the store, named after that. Made from the ledger, so it needs no backup.",
      }),
    ),
  },
  strict,
);

export const Ledger = Type.Object(
  {
    key: Type.Optional(
      Type.String({
        description:
          "File of the keys that sign the ledger. Left out: ledger.key beside the directory of the certificates. Made where there is none.",
      }),
    ),
    publish: Type.Optional(
      Type.String({
        description:
          "Directory to which entries, tiles and checkpoints are published (C2SP tlog-tiles), without payloads.",
      }),
    ),
    publishSeconds: Seconds(10),
    payloadDays: Type.Integer({
      minimum: 0,
      default: 0,
      description: "After how many days payloads are erased; entries and proofs stay. 0: never.",
    }),
    holds: Type.Array(
      Type.Object(
        {
          agent: Type.Optional(Type.String()),
          namespace: Type.Optional(Type.String()),
          approval: Type.Optional(Type.String()),
        },
        { additionalProperties: false, minProperties: 1 },
      ),
      {
        default: [],
        description:
          "Legal holds: payloads of entries that fit all that one of them names are kept, however old.",
      },
    ),
  },
  strict,
);

export const Backups = Type.Object(
  {
    directory: Type.Optional(
      Type.String({
        description: "Where backups of the store are put. Left out: none are made by themselves.",
      }),
    ),
    everySeconds: Type.Integer({
      minimum: 0,
      default: 86_400,
      description: "How often one is made. 0: only when asked for (--backup).",
    }),
    keep: Type.Integer({ minimum: 1, default: 7, description: "How many of the newest are kept." }),
  },
  strict,
);
